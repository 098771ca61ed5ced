export default function CaseFile(_: Record<string, unknown>) { return null; }
