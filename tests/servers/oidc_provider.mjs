// Copyright (c) 2026, the nebula.credential authors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// oidc-provider as a server process: node oidc_provider.mjs PACKAGES SETTINGS. Started by oidc_provider.py.
// It writes a line of JSON for each answer of its token endpoint, and for each family of tokens that it revokes.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [packages, settingsFile] = process.argv.slice(2);
const require = createRequire(`${packages}/x.js`);
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const settings = JSON.parse(readFileSync(settingsFile, 'utf8'));
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

const provider = new Provider(`http://127.0.0.1:${settings.port}`, {
  clients: settings.clients,
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt'],
  scopes: ['openid', 'offline_access', 'api:read'],
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    registration: {
      enabled: true,
      initialAccessToken: true,
      // RFC 7592 section 2.2: the server may issue a new secret with an update.
      policies: { 'new-secret': (ctx, client) => { if (ctx.method === 'PUT') client.client_secret = randomBytes(24).toString('base64url'); } },
    },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
  },
  ttl: {
    AccessToken: 3600, AuthorizationCode: 600, ClientCredentials: 3600, DeviceCode: 600, Grant: 86400,
    IdToken: 3600, Interaction: 3600, RefreshToken: 86400, Session: 3600,
  },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  cookies: { keys: [settings.key] },
});

// RFC 8693: an access token for another one of the same person, for another audience.
provider.registerGrantType(EXCHANGE, async (ctx) => {
  const { client, params } = ctx.oidc;
  const subject = await provider.AccessToken.find(params.subject_token);
  if (!subject || params.subject_token_type !== 'urn:ietf:params:oauth:token-type:access_token') {
    throw Object.assign(new Error('invalid_grant'), { error: 'invalid_grant', status: 400, statusCode: 400, expose: true });
  }
  const token = new provider.AccessToken({ accountId: subject.accountId, client, grantId: subject.grantId, scope: subject.scope, gty: 'exchange' });
  ctx.body = {
    access_token: await token.save(), issued_token_type: params.subject_token_type, token_type: 'Bearer', expires_in: token.expiration,
  };
}, ['subject_token', 'subject_token_type', 'audience', 'resource', 'scope']);

const write = (event, ctx, error) => console.log(JSON.stringify({
  event, grant: ctx?.oidc?.params?.grant_type, client: ctx?.oidc?.params?.client_id ?? ctx?.oidc?.client?.clientId, error,
}));
provider.on('grant.success', (ctx) => write('success', ctx));
provider.on('grant.error', (ctx, error) => write('error', ctx, error.message));
provider.on('grant.revoked', (ctx) => write('revoked', ctx));
provider.on('server_error', (_ctx, error) => console.error(error));

// The client `tv` belongs to a person who confirms each code at once.
provider.on('device_authorization.success', async (ctx, body) => {
  if (ctx.oidc.client.clientId !== 'tv') return;
  const code = await provider.DeviceCode.find(body.device_code);
  const grant = new provider.Grant({ accountId: 'ada', clientId: 'tv' });
  grant.addOIDCScope(code.params.scope);
  Object.assign(code, { accountId: 'ada', authTime: Math.floor(Date.now() / 1000), grantId: await grant.save(), scope: code.params.scope });
  await code.save();
});

// What a person does in a browser, for tests that are about what follows it. Only who has the key of this server may.
async function logIn({ client, scope }) {
  const grant = new provider.Grant({ accountId: 'ada', clientId: client });
  grant.addOIDCScope(scope);
  const token = new provider.RefreshToken({
    accountId: 'ada', client: await provider.Client.find(client), grantId: await grant.save(), scope, gty: 'authorization_code',
  });
  return { refresh_token: await token.save() };
}

// A token by which a client registers itself.
const permit = async () => ({ token: await new provider.InitialAccessToken({ policies: ['new-secret'] }).save() });

const ROUTES = { '/log-in-for-tests': logIn, '/permit-for-tests': permit };
const answer = provider.callback();
createServer((request, response) => {
  const route = ROUTES[request.url];
  if (route === undefined || request.headers.authorization !== `Bearer ${settings.key}`) {
    answer(request, response);
    return;
  }
  let body = '';
  request.on('data', (piece) => { body += piece; });
  request.on('end', async () => response.end(JSON.stringify(await route(JSON.parse(body)))));
}).listen(settings.port, '127.0.0.1');
