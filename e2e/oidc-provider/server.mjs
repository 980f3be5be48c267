// oidc-provider, the OpenID-certified server, on loopback and in memory, for tests of a client. See settings.mjs.
// It prints "ready" and a JSON object: issuer, and mtls, the origin of the same server over TLS with client certificates.
import http from 'node:http';
import https from 'node:https';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';
import { configuration } from './configuration.mjs';
import { addGrants } from './grants.mjs';
import { addInteractions } from './interactions.mjs';
import { makeKeys } from './keys.mjs';
import { settings } from './settings.mjs';
import { addStats } from './stats.mjs';

const host = '127.0.0.1';
makeKeys(settings.data);
const read = (file) => readFileSync(`${settings.data}/${file}`, 'utf8');

// The issuer names the port, so the sockets come before the provider.
let answer = (_req, res) => res.writeHead(503).end();
const plain = http.createServer((req, res) => answer(req, res));
const secure = https.createServer({ key: read('tls.key'), cert: read('tls.crt'), ca: read('ca.crt'),
  requestCert: true, rejectUnauthorized: false }, (req, res) => answer(req, res));
const listening = async (server, port) => {
  server.listen(port, host);
  await once(server, 'listening');
  return `${host}:${server.address().port}`;
};
const issuer = `http://${await listening(plain, settings.port)}`;
const mtls = `https://${await listening(secure, settings.tlsPort)}`;

const provider = new Provider(issuer, configuration(mtls, (file) => JSON.parse(read(file))));
addStats(provider);
addGrants(provider, JSON.parse(read('client.pub.jwk')));
addInteractions(provider);
provider.on('server_error', (_ctx, error) => console.error(error));
if (settings.verbose) {
  for (const event of ['grant.error', 'authorization.error', 'pushed_authorization_request.error', 'introspection.error', 'revocation.error']) {
    provider.on(event, (_ctx, error) => console.error(event, error.message, error.error_description, error.error_detail));
  }
}
answer = provider.callback();

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
if (settings.exitWithStdin) process.stdin.resume().on('end', () => process.exit(0));
console.log(`ready ${JSON.stringify({ issuer, mtls })}`);
