// An OpenID provider for the tests. People, their groups and redirect addresses come from the first line of input
// as JSON; further lines replace the people. Prints its address on the first line.
import http from 'node:http';
import readline from 'node:readline';
import Provider from 'oidc-provider';

let people = {};
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const given = JSON.parse((await lines.next()).value);
people = given.people;

const server = http.createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: given.client_id,
    client_secret: given.client_secret,
    token_endpoint_auth_method: 'client_secret_post',
    redirect_uris: given.redirect_uris,
    post_logout_redirect_uris: given.post_logout_redirect_uris,
    backchannel_logout_uri: given.backchannel_logout_uri,
    backchannel_logout_session_required: true,
  }],
  claims: {
    openid: ['sub'],
    profile: ['preferred_username', 'given_name', 'family_name', 'groups'],
    email: ['email', 'email_verified'],
  },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ['for the tests alone'] },
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
  },
  // Its own would not reach this machine.
  fetch: (address, { dispatcher, ...options }) => fetch(address, options),
  findAccount: (_, id) => (people[id] ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined),
});

server.on('request', provider.callback());
console.log(issuer);
for await (const line of lines) {
  people = JSON.parse(line);
  console.log('changed');
}
process.exit(0);
