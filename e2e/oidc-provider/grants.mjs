// Two grants oidc-provider leaves out: the resource owner password (RFC 6749 §4.3) and token exchange (RFC 8693).
import { errors } from 'oidc-provider';
import { tokenExchange } from './clients.mjs';
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

export function addGrants(provider) {
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
}
