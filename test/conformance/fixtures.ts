// What the official conformance suite expects a server to offer, served beside our own tools by the same stack.
import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  inputResponse,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { OfferedPrompt, OfferedResource, OfferedTool, Surface } from '../../central/mcp/surface.ts'

type Call = OfferedTool['call']
type Schema = OfferedTool['listed']['inputSchema']

/** One red pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
/** A wave file without samples. */
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='

const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] })
const pause = (ms = 50) => new Promise((resolve) => setTimeout(resolve, ms))
const object = (properties: Record<string, unknown> = {}, required: string[] = Object.keys(properties)) =>
  ({ type: 'object', properties, required }) as Schema

const tool = (name: string, call: Call, inputSchema: Schema = object()): OfferedTool => ({
  listed: { name, description: `Conformance: ${name}`, inputSchema },
  call,
})

const saying = (name: string, content: object[]): OfferedTool =>
  tool(name, async () => ({ content: content as ReturnType<typeof text>['content'] }))

const image = { type: 'image', data: PNG, mimeType: 'image/png' }
const embedded = (uri: string, mimeType: string, body: string) => ({
  type: 'resource',
  resource: { uri, mimeType, text: body },
})

const CONTENT = [
  saying('test_simple_text', [{ type: 'text', text: 'This is a simple text response for testing.' }]),
  saying('test_image_content', [image]),
  saying('test_audio_content', [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }]),
  saying('test_embedded_resource', [
    embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  ]),
  saying('test_multiple_content_types', [
    { type: 'text', text: 'Multiple content types test:' },
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ]),
  tool('test_error_handling', async () => ({
    ...text('This tool intentionally returns an error for testing'),
    isError: true,
  })),
]

async function logThreeTimes(ctx: ServerContext) {
  await ctx.mcpReq.log('info', 'Tool execution started')
  await pause()
  await ctx.mcpReq.log('info', 'Tool processing data')
  await pause()
  await ctx.mcpReq.log('info', 'Tool execution completed')
  return text('done')
}

const NOTIFYING = [
  tool('test_tool_with_logging', (_args, ctx) => logThreeTimes(ctx)),
  tool('test_logging_tool', (_args, ctx) => logThreeTimes(ctx)),
  tool('test_tool_with_progress', async (_args, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
      }
      await pause()
    }
    return text(String(progressToken))
  }),
  tool('test_streaming_elicitation', async () => text('nothing to ask')),
  tool('test_reconnection', async (_args, ctx) => {
    ctx.http?.closeSSE?.()
    await pause(100)
    return text('Reconnection test completed successfully.')
  }),
]

const NAMES = ['option1', 'option2', 'option3']
const titled = (what: string) =>
  ['First', 'Second', 'Third'].map((title, i) => ({ const: `value${i + 1}`, title: `${title} ${what}` }))

const ENUMS = {
  untitledSingle: { type: 'string', enum: NAMES },
  titledSingle: { type: 'string', oneOf: titled('Option') },
  legacyEnum: {
    type: 'string',
    enum: ['opt1', 'opt2', 'opt3'],
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  },
  untitledMulti: { type: 'array', items: { type: 'string', enum: NAMES } },
  titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
}

const DEFAULTS = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
}

const USER = {
  username: { type: 'string', description: "User's response" },
  email: { type: 'string', description: "User's email address" },
}

type FormSchema = Parameters<typeof inputRequired.elicit>[0]['requestedSchema']
const form = (properties: object, required: string[] = []) =>
  ({ type: 'object', properties, required }) as unknown as Extract<FormSchema, { type: 'object' }>

async function elicit(ctx: ServerContext, message: string, properties: object, required?: string[]) {
  const answer = await ctx.mcpReq.elicitInput({ mode: 'form', message, requestedSchema: form(properties, required) })
  return text(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`)
}

/** 2025: the server asks while the call is open. */
const PUSHING = [
  tool(
    'test_sampling',
    async ({ prompt }, ctx) => {
      const content = { type: 'text' as const, text: String(prompt) }
      const answer = await ctx.mcpReq.requestSampling({ messages: [{ role: 'user', content }], maxTokens: 100 })
      return text(`LLM response: ${JSON.stringify(answer.content)}`)
    },
    object({ prompt: { type: 'string' } }),
  ),
  tool(
    'test_elicitation',
    ({ message }, ctx) => elicit(ctx, String(message), USER, ['username', 'email']),
    object({ message: { type: 'string' } }),
  ),
  tool('test_elicitation_sep1034_defaults', (_args, ctx) => elicit(ctx, 'Please review', DEFAULTS)),
  tool('test_elicitation_sep1330_enums', (_args, ctx) => elicit(ctx, 'Please choose', ENUMS)),
]

const question = (message: string, field: string, type = 'string') =>
  inputRequired.elicit({ message, requestedSchema: form({ [field]: { type } }, [field]) })
const sample = (said: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: said } }], maxTokens })

const declared = (ctx: ServerContext): ClientCapabilities => {
  const envelope: Record<string, unknown> | undefined = ctx.mcpReq.envelope
  return (envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {}) as ClientCapabilities
}

/** The elicited object, if the client has sent an accepted one under `key`. */
function answered(ctx: ServerContext, key: string): Record<string, unknown> | undefined {
  const view = inputResponse(ctx.mcpReq.inputResponses, key)
  return view.kind === 'elicit' && view.action === 'accept' ? (view.content ?? {}) : undefined
}

const codec = createRequestStateCodec<{ round: number }>({ key: new Uint8Array(32).fill(1) })

async function stateOf(ctx: ServerContext): Promise<{ round: number } | undefined> {
  const raw = ctx.mcpReq.requestState<string>()
  if (raw === undefined) return undefined
  return codec
    .verify(raw, ctx)
    .catch(() => Promise.reject(new ProtocolError(ProtocolErrorCode.InvalidParams, 'Invalid requestState')))
}

const confirmWithState: Call = async (_args, ctx) => {
  const state = await stateOf(ctx)
  if (state && answered(ctx, 'confirm')) return text('state-ok')
  const inputRequests = { confirm: question('Please confirm', 'ok', 'boolean') }
  return inputRequired({ inputRequests, requestState: await codec.mint({ round: 1 }) })
}

/** 2026: the answer asks, and the client repeats the call. */
const ASKING = [
  tool('test_missing_capability', async (_args, ctx) => {
    if (declared(ctx).sampling) return text('sampling is declared')
    throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } })
  }),
  tool('test_input_required_result_elicitation', async (_args, ctx) => {
    const name = answered(ctx, 'user_name')?.name
    if (typeof name === 'string') return text(`Hello, ${name}!`)
    return inputRequired({ inputRequests: { user_name: question('What is your name?', 'name') } })
  }),
  tool('test_input_required_result_sampling', async (_args, ctx) => {
    const view = inputResponse(ctx.mcpReq.inputResponses, 'capital_question')
    if (view.kind === 'sampling') return text(JSON.stringify(view.result.content))
    return inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?', 100) } })
  }),
  tool('test_input_required_result_list_roots', async (_args, ctx) => {
    const view = inputResponse(ctx.mcpReq.inputResponses, 'client_roots')
    if (view.kind === 'roots') return text(view.roots.map(({ uri }) => uri).join(', '))
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
  }),
  tool('test_input_required_result_request_state', confirmWithState),
  tool('test_input_required_result_tampered_state', confirmWithState),
  tool('test_input_required_result_multiple_inputs', async (_args, ctx) => {
    const state = await stateOf(ctx)
    if (state && answered(ctx, 'user_name')) return text(`Hello, ${answered(ctx, 'user_name')?.name}!`)
    const inputRequests = {
      user_name: question('What is your name?', 'name'),
      greeting: sample('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    }
    return inputRequired({ inputRequests, requestState: await codec.mint({ round: 1 }) })
  }),
  tool('test_input_required_result_multi_round', async (_args, ctx) => {
    const round = (await stateOf(ctx))?.round ?? 0
    if (round === 1 && answered(ctx, 'step1')) {
      const inputRequests = { step2: question('Step 2: What is your favorite color?', 'color') }
      return inputRequired({ inputRequests, requestState: await codec.mint({ round: 2 }) })
    }
    if (round === 2 && answered(ctx, 'step2')) return text(`You like ${answered(ctx, 'step2')?.color}.`)
    const inputRequests = { step1: question('Step 1: What is your name?', 'name') }
    return inputRequired({ inputRequests, requestState: await codec.mint({ round: 1 }) })
  }),
  tool('test_input_required_result_capabilities', async (_args, ctx) => {
    const { sampling, elicitation } = declared(ctx)
    const inputRequests: InputRequests = {
      ...(sampling && { greeting: sample('Generate a greeting', 50) }),
      ...(elicitation && { user_name: question('What is your name?', 'name') }),
    }
    return Object.keys(inputRequests).length > 0 ? inputRequired({ inputRequests }) : text('nothing to ask with')
  }),
]

const JSON_SCHEMA = tool('json_schema_2020_12_tool', async () => text('ok'), {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword.
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
})

const message = (content: object) => ({ role: 'user' as const, content: content as { type: 'text'; text: string } })
const prompt = (name: string, args: string[], get: OfferedPrompt['get']): OfferedPrompt => ({
  listed: { name, description: `Conformance: ${name}`, arguments: args.map((arg) => ({ name: arg, required: true })) },
  get,
})

const PROMPTS: readonly OfferedPrompt[] = [
  prompt('test_simple_prompt', [], () => ({
    messages: [message({ type: 'text', text: 'This is a simple prompt for testing.' })],
  })),
  prompt('test_prompt_with_arguments', ['arg1', 'arg2'], ({ arg1, arg2 }) => ({
    messages: [message({ type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` })],
  })),
  prompt('test_prompt_with_embedded_resource', ['resourceUri'], ({ resourceUri = '' }) => ({
    messages: [
      message(embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.')),
      message({ type: 'text', text: 'Please process the embedded resource above.' }),
    ],
  })),
  prompt('test_prompt_with_image', [], () => ({
    messages: [message(image), message({ type: 'text', text: 'Please analyze the image above.' })],
  })),
  prompt('test_input_required_result_prompt', [], (_args, ctx) => {
    const context = answered(ctx, 'user_context')?.context
    if (typeof context === 'string') return { messages: [message({ type: 'text', text: context })] }
    return inputRequired({
      inputRequests: { user_context: question('What context should the prompt use?', 'context') },
    })
  }),
]

const resource = (uri: string, mimeType: string, body: { text: string } | { blob: string }): OfferedResource => ({
  listed: { uri, name: uri, mimeType },
  read: () => ({ contents: [{ uri, mimeType, ...body }] }),
})

const RESOURCES = [
  resource('test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' }),
  resource('test://static-binary', 'image/png', { blob: PNG }),
  resource('test://watched-resource', 'text/plain', { text: 'Watched resource content' }),
]

function readTemplate(uri: string) {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
  if (id === undefined) return undefined
  const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
  return { contents: [{ uri, mimeType: 'application/json', text: data }] }
}

function install(server: Server): void {
  server.registerCapabilities({ logging: {}, completions: {}, resources: { subscribe: true } })
  server.setRequestHandler('completion/complete', () => ({ completion: { values: ['paris', 'park', 'party'] } }))
  server.setRequestHandler('resources/subscribe', () => ({}))
  server.setRequestHandler('resources/unsubscribe', () => ({}))
}

export const conformanceFixtures: Surface = {
  tools: [...CONTENT, ...NOTIFYING, ...PUSHING, ...ASKING, JSON_SCHEMA],
  prompts: PROMPTS,
  resources: RESOURCES,
  templates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
  readOther: readTemplate,
  install,
}
