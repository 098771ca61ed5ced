export default function Users(_: Record<string, unknown>) { return null; }
