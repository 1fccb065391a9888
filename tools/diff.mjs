// Compare synthesized templates with the released ones, without an AWS account.
//
//     node tools/diff.mjs RELEASED_FOLDER ASSEMBLY_FOLDER
//
// Prints Markdown: first a warning for each change that can lose data or opens something up,
// then what `cdk diff` would say of each stack. Exits with 0 whatever the difference is.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import cfn from '@aws-cdk/cloudformation-diff';

const SUFFIX = '.template.json';
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
  [cfn.ResourceImpact.WILL_REPLACE]: 'will be replaced, so a new one takes its place, without what it held or its address',
  [cfn.ResourceImpact.MAY_REPLACE]: 'may be replaced',
  [cfn.ResourceImpact.WILL_DESTROY]: 'will be deleted',
  [cfn.ResourceImpact.WILL_ORPHAN]: 'leaves the stack, but is kept',
};
const TIMES = {
  WIDELOAD_RETENTION_DAYS: 'Payloads that are finished',
  WIDELOAD_FILE_EXPIRATION_DAYS: 'Files that are uploaded',
};
const BLOCKS = ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'];

function templates(folder) {
  if (!existsSync(folder)) return {};
  const names = readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
  return Object.fromEntries(
    names.map((name) => [basename(name, SUFFIX), JSON.parse(readFileSync(join(folder, name)))]),
  );
}

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
  for (const [name, what] of Object.entries(TIMES)) {
    const [before, after] = [days(released, name), days(current, name)];
    if (before !== after && existing(released)) {
      found.push(`${what} from now on are kept ${time(after)}; those that are there, ${time(before)}.`);
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
        found.push(`\`${id}\` answers anyone: ${resource.Properties.RouteKey}.`);
    }
  }
  return found;
}

/** The value of a functions' variable, which all that have it share. */
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

/** Lifecycle rules that let objects expire sooner: S3 applies them to what is there, too. */
function expiring(before, after) {
  const rules = (bucket) => bucket.Properties?.LifecycleConfiguration?.Rules ?? [];
  return rules(after).flatMap(({ Id, Prefix = '', ExpirationInDays }) => {
    const known = rules(before).find((rule) => rule.Id === Id);
    const same = known && (known.Prefix ?? '') === Prefix && ExpirationInDays >= known.ExpirationInDays;
    if (!ExpirationInDays || same) return [];
    return [`S3 deletes what is older than ${ExpirationInDays} days under "${Prefix}", also what is there.`];
  });
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

async function main([releasedFolder, assemblyFolder]) {
  if (!assemblyFolder) {
    console.error('usage: node tools/diff.mjs RELEASED_FOLDER ASSEMBLY_FOLDER');
    return 2;
  }
  const released = templates(releasedFolder);
  const current = templates(assemblyFolder);
  const stacks = [...new Set([...Object.keys(released), ...Object.keys(current)])].sort();
  if (stacks.length === 0) {
    console.error(`There is no template in ${releasedFolder} or ${assemblyFolder}.`);
    return 1;
  }
  const warned = [];
  const described = [];
  for (const stack of stacks) {
    const before = released[stack] ?? {};
    const after = current[stack] ?? {};
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
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
