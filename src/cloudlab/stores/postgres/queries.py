"""Queries to a PostgreSQL server, and the statement that sets its administrator.

The state of a server, as :data:`QUERY` returns it::

    {"roles":     {name: {"login": bool, "privileges": [attribute names], "password": verifier | None,
                          "member_of": [role names]}},
     "settings":  [{"database": name | None, "role": name, "values": ["search_path=a, b", ...]}],
     "databases": {name: {"owner": role, "connect": [role names; "public" is everybody]}},
     "content":   {"schemas":    {name: {"owner": role, "grants": [[role | "public", "USAGE" | "CREATE"], ...]}},
                   "extensions": {name: schema}}}

`content` is that of the database which was asked; the rest is the cluster's.
"""

from cloudlab.stores.postgres import scram
from cloudlab.stores.postgres.shapes import identifier, literal

_CONTENT = """
  'content', json_build_object(
    'schemas', (
      select coalesce(json_object_agg(n.nspname, json_build_object(
        'owner', pg_get_userbyid(n.nspowner),
        'grants', (
          select coalesce(json_agg(json_build_array(
            case g.grantee when 0 then 'public' else pg_get_userbyid(g.grantee) end, g.privilege_type)), '[]')
          from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) g))), '{}')
      from pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'),
    'extensions', (
      select coalesce(json_object_agg(e.extname, n.nspname), '{}')
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace))
"""
_CLUSTER = """
  'roles', (
    select json_object_agg(a.rolname, json_build_object(
      'login', a.rolcanlogin,
      'password', a.rolpassword,
      'privileges', array_remove(array[
        case when a.rolsuper then 'superuser' end, case when a.rolcreatedb then 'createdb' end,
        case when a.rolcreaterole then 'createrole' end, case when a.rolreplication then 'replication' end,
        case when a.rolbypassrls then 'bypassrls' end], null),
      'member_of', (
        select coalesce(json_agg(pg_get_userbyid(m.roleid)), '[]') from pg_auth_members m where m.member = a.oid)))
    from pg_authid a where a.rolname !~ '^pg_'),
  'settings', (
    select coalesce(json_agg(json_build_object(
      'database', d.datname, 'role', pg_get_userbyid(s.setrole), 'values', s.setconfig)), '[]')
    from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase where s.setrole <> 0),
  'databases', (
    select json_object_agg(d.datname, json_build_object(
      'owner', pg_get_userbyid(d.datdba),
      'connect', (
        select coalesce(json_agg(case g.grantee when 0 then 'public' else pg_get_userbyid(g.grantee) end), '[]')
        from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) g where g.privilege_type = 'CONNECT')))
    from pg_database d)
"""
# The whole state in one answer: of the cluster and one database, or of the database alone.
QUERY = f"select json_build_object({_CLUSTER},{_CONTENT})"
CONTENT_QUERY = f"select json_build_object({_CONTENT})"


def admin_statement(user: str, password: str) -> str:
    """Makes ``user`` a superuser who logs in with ``password``, whether the role exists or not."""
    role = identifier(user)
    return (
        f"do $$ begin if not exists (select from pg_roles where rolname = {literal(user)}) then"
        f" create role {role}; end if; end $$;\n"
        f"alter role {role} superuser login password {literal(scram.verifier(password))};\n"
    )
