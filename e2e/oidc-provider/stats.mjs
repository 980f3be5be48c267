// Counts what was asked and what was refused, before the answer leaves: who has an answer finds it counted at /_stats.
import { setTimeout as wait } from 'node:timers/promises';
import { settings } from './settings.mjs';

const stats = { tokenRequests: 0, refusals: 0, paths: {}, grantTypes: {}, errors: {} };
const count = (map, key) => { map[key] = (map[key] ?? 0) + 1; };

export function addStats(provider) {
  provider.use(async (ctx, next) => {
    if (ctx.path === '/_stats') {
      ctx.body = stats;
      return;
    }
    await next();
    if (ctx.req.readableAborted) return; // the client has taken its request back before it was complete
    count(stats.paths, ctx.path);
    if (ctx.path !== '/token') return;
    stats.tokenRequests += 1;
    count(stats.grantTypes, ctx.oidc?.params?.grant_type ?? '');
    if (ctx.status >= 400) {
      stats.refusals += 1;
      count(stats.errors, ctx.body?.error ?? String(ctx.status));
    }
    if (settings.tokenDelay) await wait(settings.tokenDelay * 1000);
  });
}
