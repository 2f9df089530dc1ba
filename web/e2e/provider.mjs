// An OpenID Connect provider for tests: everyone who names themselves is let in. `node provider.mjs '<settings>'` with
// {port, client, secret, redirect, idToken, scopes, claims, people: {<login>: claims}}; prints `ready`. Like Google's, it
// refuses a login that asks for a scope it does not have.

import Provider from 'oidc-provider';

const standard = { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] };
const { port, client, secret, redirect, idToken, scopes = ['openid', 'email', 'profile', 'groups'], claims = standard, people } = JSON.parse(process.argv[2]);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: client,
      ...(secret ? { client_secret: secret } : { token_endpoint_auth_method: 'none' }),
      redirect_uris: [redirect],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  pkce: { required: () => true },
  scopes,
  claims,
  conformIdTokenClaims: !idToken,
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
});

provider.use(async (context, next) => {
  const asked = context.path === '/auth' ? String(context.query.scope ?? '').split(' ') : [];
  if (asked.every((scope) => scopes.includes(scope))) return next();
  context.status = 400;
  context.body = { error: 'invalid_scope' };
});

provider.listen(port, '127.0.0.1', () => console.log('ready'));
// It ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume();
