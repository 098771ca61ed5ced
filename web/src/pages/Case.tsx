export default function Case(_: Record<string, unknown>) { return null; }
