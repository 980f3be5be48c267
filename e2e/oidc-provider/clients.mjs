// The registered clients: one for each way to authenticate, and one for each thing a server may insist on.
export const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code';
export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const code = ['authorization_code', 'refresh_token'];
const loopback = { // any port (RFC 8252 §7.3)
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'],
};
// What every way to authenticate is tried with.
const everything = { ...loopback, authorization_details_types: ['transfer'],
  grant_types: [...code, 'client_credentials', deviceCode, 'password', tokenExchange, jwtBearer] };
const machine = { redirect_uris: [], response_types: [], grant_types: ['client_credentials', tokenExchange] };

export const clients = (readKey) => [
  { client_id: 'native', token_endpoint_auth_method: 'none', ...everything,
    grant_types: [...code, deviceCode, 'password', tokenExchange, jwtBearer] },
  { client_id: 'web', client_secret: 'web-secret', ...everything },
  // Reserved characters on purpose: Basic credentials must be form-encoded before base64 (RFC 6749 §2.3.1).
  { client_id: 'odd:id +1', client_secret: 's3cr:t +&=/%~"?', ...machine },
  { client_id: 'odd:post +1', client_secret: 's3cr:t +&=/%~"?', token_endpoint_auth_method: 'client_secret_post', ...machine },
  { client_id: 'worker', client_secret: 'worker-secret', ...machine },
  { client_id: 'post', client_secret: 'post-secret', token_endpoint_auth_method: 'client_secret_post', ...everything },
  { client_id: 'hmac', client_secret: 'a-hmac-secret-of-at-least-32-bytes!!', token_endpoint_auth_method: 'client_secret_jwt', ...everything },
  { client_id: 'pkjwt', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [readKey('client.pub.jwk')] }, ...everything },
  { client_id: 'dpop', token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true, ...loopback,
    grant_types: [...code, deviceCode] },
  { client_id: 'par', client_secret: 'par-secret', require_pushed_authorization_requests: true, ...loopback, grant_types: code },
  { client_id: 'mtls', token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [readKey('client.x5c.jwk')] },
    tls_client_certificate_bound_access_tokens: true, ...everything },
  { client_id: 'mtls-ca', token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=client.test',
    tls_client_certificate_bound_access_tokens: true, ...everything },
  // As FAPI 2.0 wants clients that sign: a token is bound to the key of a proof, or to a certificate.
  { client_id: 'fapi-dpop', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [readKey('client.pub.jwk')] },
    dpop_bound_access_tokens: true, id_token_signed_response_alg: 'ES256', ...loopback, grant_types: code },
  { client_id: 'fapi-mtls', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [readKey('client.pub.jwk')] },
    tls_client_certificate_bound_access_tokens: true, id_token_signed_response_alg: 'ES256', ...loopback, grant_types: code },
];
