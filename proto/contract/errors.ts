// The error catalogue: every code that a client, a person or the other tier can meet, with what to do next.
// Codes cross the wire, never message text.

type Entry = {
  description: string
  action: string
  /** HTTP status where the code answers a plain HTTP request. */
  http: number
  /** Whether the same request can succeed later without a change. */
  retry: boolean
}

export const ERRORS = {
  ACTION_EXPIRED: {
    description: 'Pending action exceeded the 30-minute TTL and was automatically cancelled.',
    action: 'Re-run the original command or playbook to create a new pending action.',
    http: 410,
    retry: false,
  },
  ACTION_NOT_FOUND: {
    description: 'Pending action was not found.',
    action: 'List pending actions again and use a fresh action_id.',
    http: 404,
    retry: false,
  },
  AUTH_FAILED: {
    description: 'Authentication failed or the provided credentials are invalid.',
    action: 'Refresh authentication and retry with a valid API key or OAuth token.',
    http: 401,
    retry: false,
  },
  CONNECTION_ERROR: {
    description: 'The MCP server could not reach the backend API.',
    action: 'Retry the request after connectivity is restored.',
    http: 503,
    retry: true,
  },
  CONTRACT_VERSION_UNSUPPORTED: {
    description: 'The client requested an unsupported MCP contract major version.',
    action: 'Upgrade the MCP client or use a currently supported contract major.',
    http: 400,
    retry: false,
  },
  DIAGNOSTIC_COOLDOWN: {
    description: 'The per-server diagnostic cooldown has not expired yet.',
    action: 'Wait for the cooldown period to expire before retrying.',
    http: 429,
    retry: true,
  },
  DOCKER_NOT_AVAILABLE: {
    description: 'Docker is not installed on the target server, so Docker playbooks are unavailable.',
    action: 'Skip Docker playbooks or install Docker on the server first.',
    http: 409,
    retry: false,
  },
  FORBIDDEN: {
    description: 'The requested MCP resource belongs to a different user or plan context.',
    action: 'Re-fetch the latest server, playbook, or action IDs for the current account.',
    http: 403,
    retry: false,
  },
  INTERNAL_ERROR: {
    description: 'The backend hit an unexpected internal error.',
    action: 'Retry once. If it keeps failing, inspect backend logs or contact support.',
    http: 500,
    retry: true,
  },
  NOT_FOUND: {
    description: 'The requested MCP resource was not found.',
    action: 'Refresh the relevant list endpoint and retry with a valid identifier.',
    http: 404,
    retry: false,
  },
  PLAN_REQUIRED: {
    description: 'The requested tool requires a higher subscription plan.',
    action: 'Inform the user about the plan limitation and show the upgrade URL.',
    http: 402,
    retry: false,
  },
  POLICY_DENIED: {
    description: 'The request was rejected by a known Central-side safety policy before execution.',
    action: 'Choose a permitted target path or operation and retry.',
    http: 403,
    retry: false,
  },
  PLAYBOOK_NOT_AVAILABLE: {
    description: 'The selected playbook is not currently available on the target server.',
    action: 'Refresh the playbook list for that server and pick one of the advertised playbooks.',
    http: 409,
    retry: false,
  },
  PLAYBOOK_NOT_FOUND: {
    description: 'The specified playbook ID does not exist.',
    action: 'Call mttrly_list_playbooks and choose a valid playbook_id.',
    http: 404,
    retry: false,
  },
  RATE_LIMITED: {
    description: 'The request exceeded the current MCP rate limit window.',
    action: 'Wait for the rate limit window to reset and retry.',
    http: 429,
    retry: true,
  },
  SERVER_NOT_FOUND: {
    description: 'The specified server ID does not exist or does not belong to the current user.',
    action: 'Call mttrly_list_servers to see the available server IDs.',
    http: 404,
    retry: false,
  },
  SERVER_OFFLINE: {
    description: 'The target server agent is not currently connected.',
    action: 'Check whether the mttrly agent is running on the server.',
    http: 503,
    retry: true,
  },
  SERVER_ONLINE: {
    description: 'The target server is online, so registry-only delete is blocked.',
    action:
      'Use Delete to uninstall the agent first, or wait until the server is offline before deleting the registry record.',
    http: 409,
    retry: false,
  },
  TIMEOUT: {
    description: 'The request exceeded the configured timeout.',
    action: 'Retry the request, or narrow the scope if the operation is expensive.',
    http: 504,
    retry: true,
  },
  UNKNOWN_ERROR: {
    description: 'An unknown error occurred in the MCP server.',
    action: 'Retry the request and inspect the raw error details if it persists.',
    http: 500,
    retry: true,
  },
  VALIDATION_ERROR: {
    description: 'The request failed schema or parameter validation.',
    action: 'Check the request parameters against the advertised tool schema.',
    http: 400,
    retry: false,
  },
  APPROVAL_NOTIFICATION_FAILED: {
    description:
      'A pending action was created but the approval prompt could not be delivered to the user; the action has been failed-closed.',
    action:
      'Inspect the action_id in the error details to confirm the action is no longer pending, then retry the original request to create a fresh action.',
    http: 502,
    retry: true,
  },
  INVESTIGATION_CLOSED: {
    description: 'The investigation is already closed and cannot acquire a bypass.',
    action: 'Open a fresh investigation with mttrly_start_investigation before requesting bypass.',
    http: 409,
    retry: false,
  },
  BYPASS_ALREADY_ACTIVE: {
    description: 'This investigation already has an active, non-revoked bypass.',
    action:
      'Use the current bypass; or call mttrly_revoke_investigation_bypass and re-acquire if you need different limits.',
    http: 409,
    retry: false,
  },
  BYPASS_ACQUIRE_FAILED: {
    description: 'Could not acquire investigation bypass — investigation state changed between check and update.',
    action: 'Re-read the investigation status and retry; if the investigation closed, start a new one.',
    http: 409,
    retry: true,
  },

  TWO_FACTOR_REQUIRED: {
    description: 'The request needs a fresh second factor from a person.',
    action: 'Open the link in the details and confirm with a passkey or a one-time code.',
    http: 401,
    retry: false,
  },
  TWO_FACTOR_INVALID: {
    description: 'The second factor was wrong, already used, or too old.',
    action: 'Try again with a new one-time code or a passkey.',
    http: 401,
    retry: false,
  },
  REALITY_COOLDOWN: {
    description: 'The per-server reality refresh cooldown has not expired yet.',
    action: 'Use mttrly_get_service_reality for the cached snapshot, or wait and retry.',
    http: 429,
    retry: true,
  },
  BYPASS_NOT_FOUND: {
    description: 'The investigation has no bypass.',
    action: 'Acquire one with mttrly_acquire_investigation_bypass, or go on with per-command approval.',
    http: 404,
    retry: false,
  },
  BYPASS_EXHAUSTED: {
    description: 'The bypass has used all its actions or has expired.',
    action: 'Go on with per-command approval, or acquire a new bypass.',
    http: 409,
    retry: false,
  },
  AGENT_OUTDATED: {
    description: 'The agent on this server is too old for the request.',
    action: 'Update the agent with mttrly_update_agent and retry.',
    http: 409,
    retry: false,
  },
  OUTPUT_TOO_LARGE: {
    description: 'The output is larger than what may be kept or returned.',
    action: 'Narrow the request, or read the output in pages.',
    http: 413,
    retry: false,
  },
} as const satisfies Record<string, Entry>

export type ErrorCode = keyof typeof ERRORS
export type ErrorDetails = Readonly<Record<string, unknown>>

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text)

type Words = Pick<Entry, 'description' | 'action'>
type Preciser = { code: ErrorCode; when: (details: ErrorDetails) => boolean; says: Words }

const byHost = ({ by, source }: ErrorDetails): boolean => by === 'agent' || source === 'host_policy'
const has =
  (key: string) =>
  (details: ErrorDetails): boolean =>
    typeof details[key] === 'string'
const is =
  (key: string, value: string) =>
  (details: ErrorDetails): boolean =>
    details[key] === value
const unsigned = ({ reason }: ErrorDetails): boolean => typeof reason === 'string' && /^appro(val|ver)_/.test(reason)

/** What the details tell more precisely than the code can: the first that fits is said. Never in a host's own words. */
const PRECISER: readonly Preciser[] = [
  {
    // Nobody forbade it in so many words: there is nothing on the host that could do it and would be held.
    code: 'POLICY_DENIED',
    when: is('reason', 'no_isolation'),
    says: {
      description: 'This server has no lane that may do this; nothing was done, and the details say why.',
      action:
        "Have the server's owner run `mttrly-agent doctor` on it, which names what is missing or switched off. Where the agent runs from a checkout this needs an installed one: “Add a server” in the console. mttrly_execute_command works on both.",
    },
  },
  {
    code: 'POLICY_DENIED',
    when: is('reason', 'approvals_unstated'),
    says: {
      description: 'The host was in signed mode and its policy does not say any more whether it is; nothing was done.',
      action: "The host's owner writes `approvals: signed` or `approvals: central` into /etc/mttrly/policy.yaml on it.",
    },
  },
  {
    code: 'POLICY_DENIED',
    when: unsigned,
    says: {
      description: 'This server runs only what one of its own approvers has signed; nothing was done.',
      action:
        'Ask again and have the new action signed on an approver’s machine with `npm run approver -- sign ACTION_ID`, or with a passkey that the host’s policy names. Each command is signed by itself there: no bypass covers it.',
    },
  },
  {
    // Central could not know, and nothing that is asked of Central changes it.
    code: 'POLICY_DENIED',
    when: byHost,
    says: {
      description: 'The host refused it by its own rules; nothing was done, and the details say why.',
      action: "Choose what they allow; only the host's owner changes them, in /etc/mttrly/policy.yaml on the server.",
    },
  },
  {
    code: 'POLICY_DENIED',
    when: is('rule', 'read_only'),
    says: {
      description: 'This workspace is read-only by its policy; nothing was done.',
      action: 'Look only, or have an owner change the policy under Settings in the console.',
    },
  },
  {
    code: 'NOT_FOUND',
    when: has('tool'),
    says: {
      description: 'There is no such tool in this release.',
      action: 'Call one that tools/list names; mttrly_get_capabilities says which are planned.',
    },
  },
  {
    code: 'NOT_FOUND',
    when: has('path'),
    says: {
      description: 'There is no such file or directory on the server.',
      action: 'Check the path, for instance with mttrly_search_files or `ls` in mttrly_execute_command.',
    },
  },
  {
    code: 'NOT_FOUND',
    when: (details) => has('container')(details) || has('image')(details),
    says: {
      description: 'The container engine of the server has no such container or image.',
      action: 'Choose one that `docker ps --all` or `docker images` names, in mttrly_execute_command.',
    },
  },
  {
    code: 'NOT_FOUND',
    when: is('resource', 'release'),
    says: {
      description: 'Central serves no release that would do; the details say why.',
      action: 'Have whoever runs Central build one: `npm run release` (README, “Further servers”).',
    },
  },
  {
    code: 'INTERNAL_ERROR',
    when: is('reason', 'lane_lost'),
    says: {
      description: 'The lane that was to look on the server ended without an answer.',
      action:
        'Retry once; then let mttrly_get_install_health say what is wrong there, and mttrly_repair_install mend it.',
    },
  },
  {
    code: 'CONNECTION_ERROR',
    when: is('reason', 'authority_replaced'),
    says: {
      description: 'Central was not started again since its certificate authority was replaced, and issues nothing.',
      action: 'Have whoever runs Central restart it, and retry.',
    },
  },
  {
    code: 'FORBIDDEN',
    when: has('required_scope'),
    says: {
      description: 'The credential lacks the scope that this tool needs.',
      action: 'Connect again and grant that scope, or use an API key that has it.',
    },
  },
  {
    code: 'FORBIDDEN',
    when: has('header'),
    says: {
      description: 'The request came under a name that Central does not go by.',
      action: 'Use the address that Central was started with (--public-url).',
    },
  },
  {
    code: 'FORBIDDEN',
    when: has('why'),
    says: {
      description: 'Whoever asks may not do this; the details say why.',
      action: 'Leave it to a member whose role and sign-in may.',
    },
  },
  {
    code: 'ACTION_NOT_FOUND',
    when: has('status'),
    says: {
      description: 'This action waits for no decision any more; the details say how it stands.',
      action: 'Look with mttrly_get_action_result, and ask again if it is still wanted.',
    },
  },
  {
    code: 'OUTPUT_TOO_LARGE',
    when: ({ limit }) => typeof limit === 'number',
    says: {
      description: 'It is larger than the limit in the details.',
      action: 'Take a smaller file, or a part of it.',
    },
  },
]

/** What is said of a refusal: what its code means, unless the details tell more precisely who refused, and why. */
export function wordsOf(code: ErrorCode, details: ErrorDetails): Words {
  if (code === 'DOCKER_NOT_AVAILABLE' && typeof details.why === 'string') return noEngine(details.why)
  return PRECISER.find((one) => one.code === code && one.when(details))?.says ?? ERRORS[code]
}

/** An engine may be stopped, too, or not answer: the server knows which. */
const noEngine = (why: string): Words => ({
  description: why.slice(0, 300).toWellFormed(),
  action: 'Have the engine started or installed on the server, or go on without it.',
})

/** A refusal on its way to whoever asked. Thrown deep in a room, caught at a door; `details` are shown to the client. */
export class CatalogueError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails
  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(wordsOf(code, details).description, options)
    this.name = 'CatalogueError'
    this.code = code
    this.details = details
  }
}
