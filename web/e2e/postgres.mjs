// A PostgreSQL of its own, in a folder of its own, where its programs are installed.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

function binaries() {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort().reverse().map((one) => join(debian, one, "bin")) : [];
  return [...versions, "/usr/local/bin", "/usr/bin"].find((folder) => existsSync(join(folder, "initdb")));
}

/** Its URL and how to stop it; null where it is not installed. */
export function startPostgres() {
  const programs = binaries();
  if (!programs) return null;
  const folder = mkdtempSync("/tmp/shroff-pg-");
  chmodSync(folder, 0o777);
  // It refuses to run as root.
  const run = (program, ...words) => {
    const its = join(programs, program);
    const [command, ...rest] = process.getuid() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", its, ...words] : [its, ...words];
    execFileSync(command, rest, { cwd: "/", stdio: "ignore" });
  };
  const data = join(folder, "data");
  run("initdb", "-U", "shroff", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D", data);
  run("pg_ctl", "-D", data, "-w", "-t", "60", "-o", `-c listen_addresses='' -c unix_socket_directories='${folder}' -c fsync=off`, "-l", join(folder, "log"), "start");
  const url = `postgres://shroff@localhost/postgres?host=${folder}`;
  return {
    url,
    analyze: () => run("psql", url, "-c", "ANALYZE"),
    stop: () => {
      run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
