// The people of the desk: invite, change a role, disable.
import { useState } from "react";
import { patch, path, post } from "../api/client";
import type { Invitation, Role, User } from "../api/types";
import { useGet } from "../api/use";
import { en } from "../en";
import { at, short } from "../format";
import { useSession } from "../session";
import { Shown, useTitle } from "../ui/basics";
import { sayFailed } from "../ui/toast";

const ROLES: Role[] = ["analyst", "reviewer", "rule-author", "auditor", "administrator"];

export default function Users() {
  useTitle(en.users.title);
  const session = useSession();
  const users = useGet<{ users: User[] }>(path(["users"]));
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("analyst");
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const invite = (): void => {
    post<Invitation>(path(["users"]), { name: name.trim(), role }).then((got) => { setInvitation(got); setName(""); users.reload(); }, sayFailed);
  };
  const change = (user: User, what: { role?: Role; disabled?: boolean }): void => {
    patch(path(["users", user.name]), what).then(users.reload, sayFailed);
  };
  return (
    <>
      <div className="head"><div className="grow"><h1>{en.users.title}</h1><p className="muted">{en.users.text}</p></div></div>
      <div className="card">
        <form className="filters" onSubmit={(event) => { event.preventDefault(); invite(); }}>
          <label className="field"><span>{en.users.name}</span><input className="w3" required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} autoComplete="off" /></label>
          <label className="field"><span>{en.users.role}</span><select className="w3" value={role} onChange={(event) => setRole(event.target.value as Role)}>{ROLES.map((one) => <option key={one} value={one}>{en.roles[one]}</option>)}</select></label>
          <button type="submit" className="button main" disabled={!name.trim()}>{en.users.invite}</button>
        </form>
        {invitation && <div className="in stack" role="status"><p>{en.users.link}</p><pre tabIndex={0}>{`${location.origin}/#/invitation/${invitation.token}`}</pre><p className="muted small">{en.users.until(at(invitation.expires))}</p></div>}
        <Shown of={users}>
          {({ users: all }) => (
            <div className="scroll" tabIndex={0} role="region" aria-label={en.users.title}>
              <table>
                <thead><tr><th scope="col">{en.users.name}</th><th scope="col">{en.users.role}</th><th scope="col">{en.users.state}</th><th scope="col"><span className="gone">{en.columns.action}</span></th></tr></thead>
                <tbody>
                  {all.map((user) => (
                    <tr key={user.name}>
                      <th scope="row"><bdi>{short(user.name, 60)}</bdi></th>
                      <td><select aria-label={`${en.users.role} ${short(user.name, 60)}`} value={user.role} disabled={user.name === session.user.name} onChange={(event) => change(user, { role: event.target.value as Role })}>{[...new Set([...ROLES, user.role])].map((one) => <option key={one} value={one}>{en.roles[one] ?? one}</option>)}</select></td>
                      <td className="muted">{user.disabled ? en.users.disabled : en.users.active}</td>
                      <td className="num">{user.name !== session.user.name && <button type="button" className="button bare" onClick={() => change(user, { disabled: !user.disabled })}>{user.disabled ? en.users.enable : en.users.disable}</button>}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Shown>
      </div>
    </>
  );
}
