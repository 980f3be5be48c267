// Three grants oidc-provider leaves out: the resource owner password (RFC 6749 §4.3), token exchange (RFC 8693), and an
// assertion of the platform (RFC 7523 §2.1), which signs with the key in client.jwk.
import { errors } from 'oidc-provider';
import { importJWK, jwtVerify } from 'jose';
import { jwtBearer, tokenExchange } from './clients.mjs';
import { users } from './settings.mjs';

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

const answer = async (ctx, accessToken, more = {}) => {
  ctx.body = {
    access_token: await accessToken.save(),
    expires_in: accessToken.expiration,
    token_type: accessToken.tokenType,
    scope: accessToken.scope,
    ...more,
  };
};

export function addGrants(provider, platformKey) {
  provider.registerGrantType('password', async (ctx) => {
    const { client, params: { username, password, scope = '' } } = ctx.oidc;
    if (!(username in users) || users[username] !== password) throw new errors.InvalidGrant('invalid username or password');
    const grant = new provider.Grant({ accountId: username, clientId: client.clientId });
    grant.addOIDCScope(scope);
    const token = { accountId: username, client, grantId: await grant.save(), gty: 'password', scope };
    const offline = client.grantTypeAllowed('refresh_token') && scope.split(' ').includes('offline_access');
    const refreshToken = offline && await new provider.RefreshToken({ ...token, rotations: 0 }).save();
    await answer(ctx, new provider.AccessToken(token), offline ? { refresh_token: refreshToken } : {});
  }, ['username', 'password', 'scope']);

  provider.registerGrantType(tokenExchange, async (ctx) => {
    const { client, params } = ctx.oidc;
    if (params.subject_token_type !== accessTokenType) throw new errors.InvalidRequest('unsupported subject_token_type');
    const subject = await provider.AccessToken.find(params.subject_token ?? '');
    if (!subject) throw new errors.InvalidGrant('subject_token is not valid');
    const token = new provider.AccessToken({ accountId: subject.accountId, client, grantId: subject.grantId, gty: 'token-exchange',
      scope: params.scope ?? subject.scope });
    const audience = params.audience ?? params.resource;
    if (audience) token.extra = { audience };
    await answer(ctx, token, { issued_token_type: accessTokenType });
  }, ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type', 'audience', 'resource', 'scope'],
  ['audience', 'resource']);

  const seen = new Set(); // what was asserted before
  provider.registerGrantType(jwtBearer, async (ctx) => {
    const { client, params: { assertion, scope = '' } } = ctx.oidc;
    const { payload } = await jwtVerify(assertion ?? '', await importJWK(platformKey, 'ES256'), {
      issuer: 'https://platform.example.test', audience: provider.issuer, requiredClaims: ['sub', 'exp', 'jti'],
    }).catch((err) => { throw new errors.InvalidGrant(err.message); });
    if (!(payload.sub in users) || seen.has(payload.jti)) throw new errors.InvalidGrant('nobody, or asserted before');
    seen.add(payload.jti);
    const grant = new provider.Grant({ accountId: payload.sub, clientId: client.clientId });
    grant.addOIDCScope(scope);
    await answer(ctx, new provider.AccessToken({ accountId: payload.sub, client, grantId: await grant.save(), gty: 'jwt-bearer', scope }));
  }, ['assertion', 'scope']);
}
