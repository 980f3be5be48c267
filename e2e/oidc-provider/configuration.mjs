// What oidc-provider is told: https://github.com/panva/node-oidc-provider/blob/main/docs/README.md
import { createHash } from 'node:crypto';
import { errors } from 'oidc-provider';
import { clients } from './clients.mjs';
import { resources, settings, users } from './settings.mjs';

const certificate = (ctx) => ctx.req.socket.getPeerX509Certificate?.();
const accessTokenTTL = (_ctx, token) => token.resourceServer?.accessTokenTTL ?? settings.accessTokenTTL;
const askedDetails = (ctx) => JSON.parse(ctx.oidc.params.authorization_details ?? 'null') ?? undefined;

const account = (id) => (id in users ? {
  accountId: id,
  claims: async () => ({ sub: id, name: id, email: `${id}@example.test`, email_verified: true }),
} : undefined);

const mtlsAliases = (origin) => ({
  token_endpoint: `${origin}/token`,
  revocation_endpoint: `${origin}/token/revocation`,
  introspection_endpoint: `${origin}/token/introspection`,
  device_authorization_endpoint: `${origin}/device/auth`,
  pushed_authorization_request_endpoint: `${origin}/request`,
  userinfo_endpoint: `${origin}/me`,
});

export const configuration = (tlsOrigin, readKey) => ({
  clients: clients(readKey),
  jwks: readKey('server.jwks'),
  cookies: { keys: ['only-for-tests-on-loopback'] },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'read', 'write', 'audit'],
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt',
    'self_signed_tls_client_auth', 'tls_client_auth'],
  discovery: { mtls_endpoint_aliases: mtlsAliases(tlsOrigin) },
  findAccount: async (_ctx, id) => account(id),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: async (_ctx, client, source) => client.grantTypeAllowed('refresh_token')
    && (settings.alwaysRefreshToken || source.scopes.has('offline_access')),
  rotateRefreshToken: settings.rotate,
  expiresWithSession: async () => false,
  pkce: { required: () => settings.pkceRequired },
  ttl: {
    AccessToken: accessTokenTTL,
    ClientCredentials: accessTokenTTL,
    RefreshToken: settings.refreshTokenTTL,
    AuthorizationCode: settings.codeTTL,
    DeviceCode: settings.deviceTTL,
    IdToken: 600,
    Interaction: 600,
    Session: 3600,
    Grant: 86400,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: settings.fapi },
    fapi: { enabled: settings.fapi, profile: '2.0' },
    registration: { enabled: true, initialAccessToken: false },
    registrationManagement: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: createHash('sha256').update('dpop-nonce').digest(),
      requireNonce: () => settings.dpopNonce,
    },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: certificate,
      certificateAuthorized: (ctx) => ctx.req.socket.authorized === true,
      certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_subject_dn'
        && certificate(ctx).subject === expected,
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => oneOf,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => {
        if (!(resource in resources)) throw new errors.InvalidTarget();
        return { audience: resource, scope: resources[resource], accessTokenTTL: settings.accessTokenTTL,
          accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
      },
    },
    richAuthorizationRequests: {
      enabled: true,
      types: { transfer: { validate() {} } },
      authorizationDetailsForGrantSource: askedDetails,
      authorizationDetailsForAccessToken: (ctx, _token, source) => source?.rar ?? askedDetails(ctx),
      authorizationDetailsForIntrospection: (_ctx, token) => token.rar,
    },
  },
});
