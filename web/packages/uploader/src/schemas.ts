/** The API's own types (snake_case), generated from its OpenAPI document. */

import type { components, operations } from "./contract.js";

export type Schemas = components["schemas"];

/** JSON body of a request. */
export type Body<Name extends keyof operations> = operations[Name] extends {
  readonly requestBody?: { readonly content: { readonly "application/json": infer Body } };
}
  ? Body
  : never;

/** JSON body of an answer 200. */
export type Answer<Name extends keyof operations> = operations[Name] extends {
  readonly responses: {
    readonly 200: { readonly content: { readonly "application/json": infer Answer } };
  };
}
  ? Answer
  : never;

/** Members that the document names, with types that are still to be checked. */
export type Unread<Schema> = { readonly [Name in Members<Schema>]?: unknown };
type Members<Schema> = Schema extends unknown ? keyof Schema : never;
