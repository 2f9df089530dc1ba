// An OpenID Connect provider for tests: everyone who names themselves is let in. `node provider.mjs '<settings>'` with
// {port, client, secret, redirect, idToken, people: {<login>: {email, email_verified, groups}}}; prints `ready`.

import Provider from 'oidc-provider';

const { port, client, secret, redirect, idToken, people } = JSON.parse(process.argv[2]);

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
  scopes: ['openid', 'email', 'profile', 'groups'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  conformIdTokenClaims: !idToken,
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
});

provider.listen(port, '127.0.0.1', () => console.log('ready'));
// It ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume();
