export default function Network(_: unknown) { return null; }
