// The text of a stream by Node's SDKs. Commands are lines of JSON, {id, by, url, timeout, retries}; so are the outcomes,
// {id, text} or {id, error, own}: the error's name, and true if it is of the SDK's own class.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../examples/package.json", import.meta.url));
const { OpenAI, OpenAIError } = require("openai");
const { Anthropic, AnthropicError } = require("@anthropic-ai/sdk");

const { streamText } = require("ai");
const { createOpenAI } = require("@ai-sdk/openai");
const { createAnthropic } = require("@ai-sdk/anthropic");

globalThis.AI_SDK_LOG_WARNINGS = false; // they go to the standard output
const messages = [{ role: "user", content: "hi" }];

const openai = (url, timeout, maxRetries = 0) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "k", maxRetries, timeout });
const anthropic = (url, timeout, maxRetries = 0) =>
  new Anthropic({ baseURL: url, apiKey: "k", maxRetries, timeout });

// The AI SDK gives some errors to a callback, and others to those who ask for the finish reason; all are its own.
async function aiText(model, timeout, texts, maxRetries) {
  let failure;
  const onError = ({ error }) => (failure = error);
  const result = streamText({ model, prompt: "hi", maxRetries, onError, timeout: { chunkMs: timeout } });
  try {
    for await (const text of result.textStream) texts.push(text);
    await result.finishReason;
  } catch (error) {
    failure ??= error;
  }
  if (failure) throw Object.assign(new Error(failure.message ?? JSON.stringify(failure)), { name: failure.name, own: true });
}

const readers = {
  "ai chat": (url, timeout, texts, retries) =>
    aiText(createOpenAI({ baseURL: `${url}/v1`, apiKey: "k" }).chat("m"), timeout, texts, retries),
  "ai messages": (url, timeout, texts, retries) =>
    aiText(createAnthropic({ baseURL: `${url}/v1`, apiKey: "k" })("m"), timeout, texts, retries),

  async chat(url, timeout, texts, retries) {
    const stream = await openai(url, timeout, retries).chat.completions.create({ model: "m", messages, stream: true });
    for await (const chunk of stream) texts.push(chunk.choices?.[0]?.delta?.content ?? "");
  },
  async responses(url, timeout, texts, retries) {
    const stream = await openai(url, timeout, retries).responses.create({ model: "m", input: "hi", stream: true });
    for await (const event of stream) if (event.type === "response.output_text.delta") texts.push(event.delta);
  },
  async messages(url, timeout, texts, retries) {
    const request = { model: "m", max_tokens: 9, messages, stream: true };
    for await (const event of await anthropic(url, timeout, retries).messages.create(request))
      if (event.type === "content_block_delta") texts.push(event.delta.text);
  },
  async "messages helper"(url, timeout, texts, retries) {
    texts.push(await anthropic(url, timeout, retries).messages.stream({ model: "m", max_tokens: 9, messages }).finalText());
  },
};

// One healthy answer in one of four ways: {text, tool, usage}.
const answers = {
  async chat(url, stream) {
    const options = { model: "m", messages, stream, stream_options: stream ? { include_usage: true } : undefined };
    const chat = openai(url, 5000).chat.completions;
    const completion = stream ? await chat.stream(options).finalChatCompletion() : await chat.create(options);
    const { content, tool_calls } = completion.choices[0].message;
    const tool = tool_calls?.[0]?.function.arguments;
    return { text: content, tool: tool && JSON.parse(tool).text, usage: completion.usage.completion_tokens };
  },
  async responses(url, stream) {
    const options = { model: "m", input: "hi" };
    const { responses } = openai(url, 5000);
    const response = stream ? await responses.stream(options).finalResponse() : await responses.create(options);
    const call = response.output.find(({ type }) => type === "function_call");
    return { text: response.output_text, tool: call && JSON.parse(call.arguments).text, usage: response.usage.output_tokens };
  },
  async messages(url, stream) {
    const options = { model: "m", max_tokens: 9, messages };
    const api = anthropic(url, 5000).messages;
    const { content, usage } = stream ? await api.stream(options).finalMessage() : await api.create(options);
    return { text: content[0].text, tool: content[0].input?.text, usage: usage.output_tokens };
  },
};

async function perform({ id, by, url, timeout, retries, stream }) {
  if (stream !== undefined) return { id, answer: await answers[by](url, stream) };
  const texts = [];
  try {
    await readers[by](url, timeout, texts, retries);
    return { id, text: texts.join("") };
  } catch (error) {
    const own = error.own || error instanceof OpenAIError || error instanceof AnthropicError;
    return { id, error: `${error.name} ${error.constructor.name}: ${error}`, own };
  }
}

for await (const line of createInterface({ input: process.stdin }))
  perform(JSON.parse(line)).then((outcome) => console.log(JSON.stringify(outcome)));
