export default function Holds(_: Record<string, unknown>) { return null; }
