// The plumbing of the stand-in server: routes, JSON, built files, problems.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css',
  '.woff2': 'font/woff2', '.svg': 'image/svg+xml',
};
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; " +
  "font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

export class Refused extends Error {
  constructor(status, code, detail, fields = {}) {
    super(detail);
    Object.assign(this, { status, code, detail, fields });
  }
}

function file(response, name) {
  fs.readFile(path.join(dist, path.normalize(name)), (error, bytes) => {
    if (error) return response.writeHead(404).end();
    response.writeHead(200, {
      'content-type': types[path.extname(name)] ?? 'application/octet-stream',
      'content-security-policy': policy,
    });
    response.end(bytes);
  });
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  if (!(request.headers['content-type'] ?? '').includes('json')) return text;
  return text ? JSON.parse(text) : {};
}

/** `routes`: [method, /pattern/, handler(match, body, url, request)]; `pages`: prefix to html. */
export function serve(port, routes, pages) {
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const where = decodeURIComponent(url.pathname);
    for (const [method, pattern, handler] of routes) {
      const match = method === request.method && pattern.exec(where);
      if (!match) continue;
      try {
        const answer = await handler(match.slice(1), await body(request), url, request);
        const [status, json, headers = {}] = Array.isArray(answer) ? answer : [200, answer];
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        return response.end(json === undefined ? '' : JSON.stringify(json));
      } catch (cause) {
        const known = cause instanceof Refused;
        if (!known) console.error(cause);
        const status = known ? cause.status : 500;
        response.writeHead(status, { 'content-type': 'application/problem+json' });
        return response.end(JSON.stringify({
          type: '/problems/x', title: 'Refused', status, detail: cause.detail ?? 'broken',
          code: cause.code ?? 'internal', ...(cause.fields ?? {}),
        }));
      }
    }
    for (const [prefix, page] of Object.entries(pages)) {
      if (where === prefix) return file(response, page);
      if (where.startsWith(`${prefix}assets/`)) return file(response, where.slice(prefix.length));
    }
    response.writeHead(404).end();
  });
  return new Promise((done) => server.listen(port, '127.0.0.1', () => done(server)));
}
