/** What a person reads when everything is up. */
export const welcome = (url: string, setup: string | null): string => `
mttrly is up.

  Console:  ${url}
${setup ? `\n  1. Make yourself the owner (once, within 24 h):  ${setup}\n` : ''}
  ${setup ? '2. ' : ''}Connect an AI client:
     Claude Code   claude mcp add --transport http mttrly ${url}/mcp      then /mcp to sign in
     Codex         codex mcp add mttrly --url ${url}/mcp                  (signs in by itself)
     Cursor        add ${url}/mcp as a remote MCP server

  Stop with Ctrl-C; starting again keeps everything.
`
