// A SAML provider for the tests. The first line of input, JSON, says where to post assertions and who the person is;
// further lines change both. Prints its address on the first line.
import http from 'node:http';
import readline from 'node:readline';
import express from 'express';
import samlp from 'samlp';
import SessionParticipants from 'samlp/lib/sessionParticipants/index.js';

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

// Single logout by HTTP-Redirect, asked for by us: who takes part, and with which certificate, says the test.
const states = new Map();
const store = {
  save: (request, state, callback) => { const id = `s${states.size}`; states.set(id, state); callback(null, id); },
  load: (request, id, options, callback) => callback(null, states.get(id)),
  update: (request, id, state, callback) => { states.set(id, state); callback(null, id); },
};
app.get('/slo', (request, response, next) => {
  request.body = {};
  samlp.logout({
    issuer: given.issuer ?? address,
    cert: given.certificate,
    key: given.key,
    deflate: true,
    protocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
    signatureAlgorithm: 'rsa-sha256',
    digestAlgorithm: 'sha256',
    sessionParticipants: new SessionParticipants([...given.participants]),
    store,
  })(request, response, next);
});
app.use((error, request, response, next) => response.status(400).send(String(error)));

console.log(address);
for await (const line of lines) {
  given = JSON.parse(line);
  console.log('changed');
}
process.exit(0);
