// Every setting, from the environment. Durations are seconds.
const env = (name, fallback) => process.env[name] ?? fallback;
const seconds = (name, fallback) => {
  const n = Number(env(name, fallback));
  if (!Number.isFinite(n) || n < 0) throw new Error(`${name} must be a number of seconds`);
  return n;
};

export const settings = {
  port: Number(env('PORT', 0)), // 0: a free one; the ready line tells
  tlsPort: Number(env('TLS_PORT', 0)),
  data: env('DATA', './run'), // keys and certificates, made at the first start
  accessTokenTTL: seconds('ACCESS_TOKEN_TTL', 60),
  refreshTokenTTL: seconds('REFRESH_TOKEN_TTL', 3600),
  codeTTL: seconds('CODE_TTL', 60),
  deviceTTL: seconds('DEVICE_TTL', 300),
  tokenDelay: seconds('TOKEN_DELAY', 0), // between a token request's effect and its answer
  rotate: env('ROTATE', '1') === '1', // a new refresh token at each use; using one twice revokes its grant
  pkceRequired: env('PKCE', 'required') === 'required', // or "optional"
  alwaysRefreshToken: env('REFRESH_TOKEN', 'offline_access') === 'always', // or only with that scope
  dpopNonce: env('DPOP_NONCE', '1') === '1', // ask for a nonce in every DPoP proof
  fapi: env('FAPI', '') === '2.0', // the FAPI 2.0 Security Profile, for every client
  verbose: env('VERBOSE', '') !== '', // why a request was refused, on standard error
  exitWithStdin: env('EXIT_WITH_STDIN', '') !== '', // end when standard input does: with the process that started this one
};

export const users = { alice: 'wonderland', bob: 'pass word&+=%' };

export const resources = { // by resource indicator (RFC 8707): the scopes it knows
  'https://api.example.test/': 'read write',
  'https://other.example.test/': 'read audit',
};
