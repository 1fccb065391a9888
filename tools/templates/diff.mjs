// Print how templates differ, as Markdown: first a warning for each change that can lose data or
// opens something up, then what `cdk diff` would say of each stack.
//
//     node tools/templates/diff.mjs < stacks.json
//
// Standard input is a JSON object: by the name of each stack, its template before and after; an empty
// object where the stack doesn't exist. Exits with 0 whatever the difference is.

import { PassThrough } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import cfn from '@aws-cdk/cloudformation-diff';

const STATEFUL = new Set([
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::DomainName',
  'AWS::CloudFront::Distribution',
  'AWS::Cognito::UserPool',
  'AWS::Cognito::UserPoolClient',
  'AWS::Cognito::UserPoolDomain',
  'AWS::DynamoDB::Table',
  'AWS::KMS::Key',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  'AWS::SNS::Topic',
  'AWS::SQS::Queue',
]);
const LOSES = {
  [cfn.ResourceImpact.WILL_REPLACE]: 'will be replaced: the new one starts empty, at a new address',
  [cfn.ResourceImpact.MAY_REPLACE]: 'may be replaced',
  [cfn.ResourceImpact.WILL_DESTROY]: 'will be deleted',
  [cfn.ResourceImpact.WILL_ORPHAN]: 'leaves the stack, and is kept',
};
const KEPT_FOR = {
  WIDELOAD_RETENTION_DAYS: 'Payloads finished',
  WIDELOAD_FILE_EXPIRATION_DAYS: 'Files uploaded',
};
const BLOCKS = ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'];

function warnings(difference, released, current) {
  const found = [];
  difference.resources.forEachDifference((id, change) => {
    const loss = LOSES[change.changeImpact];
    if (loss && STATEFUL.has(change.resourceType)) {
      found.push(`\`${id}\` (${change.resourceType}) ${loss}.`);
    }
  });
  if (difference.permissionsBroadened) {
    found.push('Permissions widen: see "IAM Statement Changes" below.');
  }
  for (const [name, what] of Object.entries(KEPT_FOR)) {
    const [before, after] = [days(released, name), days(current, name)];
    if (before !== after && existing(released)) {
      found.push(`${what} from now on are kept ${time(after)}; earlier ones, ${time(before)}.`);
    }
  }
  for (const [id, resource] of Object.entries(current.Resources ?? {})) {
    const before = released.Resources?.[id];
    if (before && resource.Type === 'AWS::S3::Bucket') {
      found.push(...expiring(before, resource).map((rule) => `\`${id}\`: ${rule}`));
    }
    if (resource.Type === 'AWS::S3::Bucket' && isOpen(resource) && !(before && isOpen(before))) {
      found.push(`\`${id}\` no longer blocks all public access.`);
    }
    if (resource.Type === 'AWS::ApiGatewayV2::Route' && isAnonymous(resource)) {
      if (!(before && isAnonymous(before)))
        found.push(`\`${id}\` needs no authorization: ${resource.Properties.RouteKey}.`);
    }
  }
  return found;
}

/** The value of an environment variable, which is the same in all functions that have it. */
function days(template, name) {
  const functions = Object.values(template.Resources ?? {});
  return functions.map((one) => one.Properties?.Environment?.Variables?.[name]).find(Boolean);
}

function existing(template) {
  return Object.keys(template.Resources ?? {}).length > 0;
}

function time(number) {
  return number ? `${number} days` : 'for ever';
}

/** Lifecycle rules that let objects expire sooner: S3 applies them to existing objects, too. */
function expiring(before, after) {
  const known = expirations(before);
  return expirations(after)
    .filter((rule) => !known.some((earlier) => covers(earlier, rule)))
    .map(({ days, prefix, tags }) => {
      const tagged = tags.length ? `, tagged ${tags.join(', ')}` : '';
      return `S3 deletes what is older than ${days} days under "${prefix}"${tagged}, also existing objects.`;
    });
}

/** A bucket's rules that delete objects after some days. */
function expirations(bucket) {
  const rules = bucket.Properties?.LifecycleConfiguration?.Rules ?? [];
  return rules
    .filter((rule) => rule.Status !== 'Disabled' && rule.ExpirationInDays)
    .map((rule) => ({
      days: rule.ExpirationInDays,
      prefix: rule.Prefix ?? '',
      tags: (rule.TagFilters ?? []).map(({ Key, Value }) => `${Key}=${Value}`),
      larger: Number(rule.ObjectSizeGreaterThan ?? 0),
      smaller: Number(rule.ObjectSizeLessThan ?? Infinity),
    }));
}

/** Whether `earlier` deletes every object that `rule` deletes, no later. */
function covers(earlier, rule) {
  return (
    earlier.days <= rule.days &&
    rule.prefix.startsWith(earlier.prefix) &&
    earlier.tags.every((tag) => rule.tags.includes(tag)) &&
    earlier.larger <= rule.larger &&
    earlier.smaller >= rule.smaller
  );
}

function isOpen(bucket) {
  const blocked = bucket.Properties?.PublicAccessBlockConfiguration ?? {};
  return !BLOCKS.every((name) => blocked[name] === true);
}

function isAnonymous(route) {
  return (route.Properties?.AuthorizationType ?? 'NONE') === 'NONE';
}

async function describe(difference) {
  const stream = new PassThrough();
  cfn.formatDifferences(stream, difference);
  stream.end();
  return stripVTControlCharacters(await text(stream)).trim();
}

const warned = [];
const described = [];
for (const [stack, [before, after]] of Object.entries(await json(process.stdin))) {
  const difference = cfn.fullDiff(before, after);
  warned.push(...warnings(difference, before, after).map((line) => `- **${stack}**: ${line}`));
  const says = difference.differenceCount ? await describe(difference) : 'No differences.';
  described.push(`### ${stack}\n\n\`\`\`text\n${says}\n\`\`\``);
}
if (warned.length) {
  console.log('> [!WARNING]\n> Look twice before you deploy this:\n');
  console.log(`${warned.join('\n')}\n`);
}
console.log(described.join('\n\n'));
