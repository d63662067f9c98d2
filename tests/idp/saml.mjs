// A SAML provider for the tests. The first line of input, JSON, says where to post assertions and who the person is;
// further lines change both. Prints its address on the first line.
import http from 'node:http';
import readline from 'node:readline';
import express from 'express';
import samlp from 'samlp';

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let given = JSON.parse((await lines.next()).value);

const app = express();
const server = http.createServer(app);
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${server.address().port}`;

class Profile {
  static metadata = [];

  constructor(person) { this.person = person; }

  getClaims() { return this.person.attributes; }

  getNameIdentifier() {
    return { nameIdentifier: this.person.subject, nameIdentifierFormat: this.person.format };
  }
}

// What a request asks comes from the address; what it is answered, from the test.
app.get('/sso', (request, response, next) => samlp.auth({
  issuer: given.issuer ?? address,
  cert: given.certificate,
  key: given.key,
  audience: given.audience,
  recipient: given.recipient ?? given.acs,
  destination: given.destination ?? given.acs,
  lifetimeInSeconds: given.lifetime ?? 300,
  signAssertion: given.signAssertion ?? true,
  signResponse: given.signResponse ?? false,
  sessionIndex: given.sessionIndex,
  signatureAlgorithm: given.signatureAlgorithm ?? 'rsa-sha256',
  digestAlgorithm: given.digestAlgorithm ?? 'sha256',
  getPostURL: (wtrealm, wreply, req, callback) => callback(null, given.acs),
  getUserFromRequest: () => given.person,
  profileMapper: (person) => new Profile(person),
})(request, response, next));

console.log(address);
for await (const line of lines) {
  given = JSON.parse(line);
  console.log('changed');
}
process.exit(0);
