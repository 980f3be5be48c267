// Sign-in and consent: one page and one form post each. login_hint=auto:alice does both without a form.
import { users } from './settings.mjs';

const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const page = (title, action, fields, note = '') => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>:root { color-scheme: light dark } body { max-width: 24rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui }
input, button { display: block; box-sizing: border-box; width: 100%; margin-bottom: .75rem; padding: .5rem; font: inherit }</style></head>
<body><main><h1>${title}</h1>${note && `<p role="alert">${note}</p>`}
<form method="post" action="${escape(action)}">${fields}<button name="deny" value="1" formnovalidate>Deny</button></form></main></body></html>`;

const signInPage = (action, note) => page('Sign in', action, `<label for="login">User name</label>
<input id="login" name="login" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>`, note);

const consentPage = (action, { client_id: client, scope = 'no particular access' }) => page('Allow access', action,
  `<p><strong>${escape(client)}</strong> asks for ${escape(scope)}</p><button>Allow</button>`);

async function readForm(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
}

async function grantWhatIsMissing(provider, { grantId, params, prompt, session }) {
  const grant = grantId ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes, rar } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '));
  for (const detail of rar ?? []) grant.addRar(detail);
  return grant.save();
}

export function addInteractions(provider) {
  provider.use(async (ctx, next) => {
    if (!/^\/interaction\/[^/]+$/.test(ctx.path)) return next();
    const details = await provider.interactionDetails(ctx.req, ctx.res);
    const { params, prompt: { name: prompt } } = details;
    const finish = (result) => {
      ctx.respond = false;
      return provider.interactionFinished(ctx.req, ctx.res, result);
    };
    const show = (status, html) => Object.assign(ctx, { status, type: 'html', body: html });

    const [, auto] = /^auto:(\w+)$/.exec(params.login_hint ?? '') ?? [];
    if (ctx.method === 'GET' && !auto) return show(200, prompt === 'login' ? signInPage(ctx.path) : consentPage(ctx.path, params));
    const form = auto ? { login: auto, password: users[auto] } : await readForm(ctx.req);
    if (form.deny) return finish({ error: 'access_denied', error_description: 'the user said no' });
    if (prompt !== 'login') return finish({ consent: { grantId: await grantWhatIsMissing(provider, details) } });
    if (!(form.login in users) || users[form.login] !== form.password) {
      return show(401, signInPage(ctx.path, 'The user name or the password is wrong.'));
    }
    return finish({ login: { accountId: form.login } });
  });
}
