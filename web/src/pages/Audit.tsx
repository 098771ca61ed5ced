export default function Audit(_: Record<string, unknown>) { return null; }
