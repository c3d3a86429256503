// One unary call by gRPC-web, with Connect's client: node grpcweb.mjs BASE_URL prints {text} or {code, message}.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../examples/package.json", import.meta.url));
const { Code } = require("@connectrpc/connect");
const { createGrpcWebTransport } = require("@connectrpc/connect-web");
const { StringValueSchema } = require("@bufbuild/protobuf/wkt");

// A service whose messages have a text as field 1, as those of the failure modes do.
const method = {
  kind: "rpc",
  name: "Call",
  localName: "call",
  parent: { typeName: "hamms.Lab" },
  methodKind: "unary",
  input: StringValueSchema,
  output: StringValueSchema,
  idempotency: 0,
};
const transport = createGrpcWebTransport({ baseUrl: process.argv[2] });
try {
  const { message } = await transport.unary(method, undefined, undefined, undefined, { value: "hi" }, undefined);
  console.log(JSON.stringify({ text: message.value }));
} catch (error) {
  console.log(JSON.stringify({ code: Code[error.code], message: error.rawMessage }));
}
