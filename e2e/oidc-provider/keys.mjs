// The keys and certificates of a test run: the server's JWKS, a key for private_key_jwt, a CA, a TLS server certificate,
// and one client certificate signed by the CA (mtls) and one signed by itself (self).
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

// A key object that comes straight from generateKeyPairSync shares a mutex with the job that made it. In Node up to 20, at
// least, export({ format: 'jwk' }) holds it while it allocates; a garbage collection at that moment frees the job, whose
// destructor takes the same mutex, and the process hangs for ever. So each key leaves the job as text, and is read again.
export function newKeyPair(type, options) {
  const { privateKey: text } = generateKeyPairSync(type, {
    ...options, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const privateKey = createPrivateKey(text);
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

export function makeKeys(dir) {
  if (existsSync(`${dir}/complete`)) return;
  mkdirSync(dir, { recursive: true });
  const write = (file, text) => writeFileSync(`${dir}/${file}`, text, { mode: 0o600 });
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  const use = (key, kid, alg) => ({ ...key.export({ format: 'jwk' }), kid, alg, use: 'sig' });
  const ec = () => newKeyPair('ec', { namedCurve: 'P-256' });

  const rsa = newKeyPair('rsa', { modulusLength: 2048 });
  write('server.jwks', JSON.stringify({ keys: [use(rsa.privateKey, 'rsa-1', 'RS256'), use(ec().privateKey, 'ec-1', 'ES256')] }));

  const client = ec();
  write('client.key', client.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  write('client.jwk', JSON.stringify(use(client.privateKey, 'client-1', 'ES256')));
  write('client.pub.jwk', JSON.stringify(use(client.publicKey, 'client-1', 'ES256')));

  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const selfSigned = (name, subject) => openssl('req', '-x509', ...newKey, '-days', '30',
    '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', subject);
  const signedByCA = (name, subject, alternatives) => {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    write(`${name}.ext`, `subjectAltName=${alternatives}\n`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30',
      '-extfile', `${name}.ext`, '-out', `${name}.crt`);
  };
  selfSigned('ca', '/CN=Test CA');
  selfSigned('self', '/CN=self.test');
  signedByCA('tls', '/CN=127.0.0.1', 'IP:127.0.0.1,DNS:localhost');
  signedByCA('mtls', '/CN=client.test', 'DNS:client.test');

  const self = new X509Certificate(readFileSync(`${dir}/self.crt`));
  write('client.x5c.jwk', JSON.stringify({ ...use(self.publicKey, 'self-1', 'ES256'), x5c: [self.raw.toString('base64')] }));
  write('complete', '');
}
