export default function Cases(_: Record<string, unknown>) { return null; }
