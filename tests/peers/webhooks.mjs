// Standard Webhooks by its own library for JavaScript: `webhooks.mjs NODE_MODULES`, JSON in and out.
// Each job is `{verify: {secret, headers, body}}` or `{sign: {secret, id, seconds, body}}`; it must
// not know who made it.
import { createRequire } from 'node:module';

const { Webhook } = createRequire(`${process.argv[2]}/`)('standardwebhooks');

function work({ verify, sign }) {
  if (sign) {
    const { secret, id, seconds, body } = sign;
    return new Webhook(secret).sign(id, new Date(seconds * 1000), body);
  }
  try {
    new Webhook(verify.secret).verify(verify.body, verify.headers);
    return true;
  } catch (cause) {
    return cause.constructor.name;
  }
}

let input = '';
for await (const chunk of process.stdin) input += chunk;
process.stdout.write(JSON.stringify(JSON.parse(input).map(work)));
