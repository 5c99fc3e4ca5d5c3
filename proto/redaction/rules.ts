/**
 * The table of secrets that are known by their own shape. A row: rule, anchors (three or four bytes each, for the
 * prefilter; `back` bytes into the secret), shape. Shapes are bounded: a class run, never a repeated group of runs.
 * `edge`: the prefix is so short that a letter or digit before it means something else.
 */
export type TokenRule = {
  readonly id: string
  readonly anchors: readonly string[]
  readonly shape: RegExp
  readonly back?: number
  readonly edge?: true
  /** Bytes at the start that stay readable. */
  readonly keep?: RegExp
  /** Where the shape fails after a long run of these, no later anchor in that run can succeed: it is not tried (linear time). */
  readonly run?: RegExp
  /** A last look at what the shape alone cannot say. */
  readonly check?: (secret: string) => boolean
}

/** Base64 of a PEM text: a certificate is public, a key is not. */
const holdsKey = (base64: string): boolean => /PRIVATE KEY/.test(Buffer.from(base64, 'base64').toString('latin1'))

/** Enough different characters, so that `sk-xxxxxxxxxxxxxxxxxxxx` and `hf_aaaa…` in a manual stay readable. */
const varied = (secret: string): boolean => new Set(secret.slice(-24)).size >= 8

export const tokenRules: readonly TokenRule[] = [
  { id: 'mttrly-install-token', anchors: ['mtti'], shape: /mtti_[\w-]{16,}/ },
  { id: 'mttrly-api-key', anchors: ['mtt_'], shape: /mtt_[\w-]{16,}/ },
  {
    id: 'aws-access-key',
    anchors: ['AKIA', 'ASIA', 'ABIA', 'ACCA'],
    shape: /A(?:KI|SI|BI|CC)A[A-Z2-7]{16}(?![A-Za-z0-9])/,
    edge: true,
  },
  { id: 'gcp-api-key', anchors: ['AIza'], shape: /AIza[\w-]{35,}/ },
  { id: 'gcp-oauth', anchors: ['ya29'], shape: /ya29\.[\w-]{20,}/, edge: true },
  { id: 'gcp-client-secret', anchors: ['GOCS'], shape: /GOCSPX-[\w-]{20,}/ },
  { id: 'azure-client-secret', anchors: ['8Q~'], back: 3, shape: /[\w~.-]{3}\dQ~[\w~.-]{31,34}/ },
  { id: 'azure-sas', anchors: ['i:sig='], shape: /sig=[\w%/+-]{40,}={0,2}/i, edge: true, keep: /^sig=/i },
  { id: 'github-token', anchors: ['gh[pousr]_'], shape: /gh[pousr]_[A-Za-z0-9]{36,}/ },
  { id: 'github-token', anchors: ['_pat'], back: 6, shape: /github_pat_\w{30,}/ },
  {
    id: 'gitlab-token',
    anchors: ['glpa', 'gldt', 'glrt', 'glcb', 'glpt', 'glft', 'glso', 'glim', 'glag', 'gloa', 'glwt', 'glff'],
    shape: /gl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|imt|agent|oas|wt|ffct)-[\w.-]{20,}/,
    edge: true,
  },
  {
    id: 'slack-token',
    anchors: ['xox[abceoprs]', 'xapp'],
    shape: /(?:xox[abceoprs]-|xapp-\d-|xoxe\.xox[bp]-)[\w-]{10,}/,
  },
  {
    id: 'slack-webhook',
    anchors: ['ks.s'],
    back: 3,
    shape: /hooks\.slack\.com\/(?:services|workflows|triggers)\/[\w/+-]{20,}/,
    keep: /^hooks\.slack\.com\/[a-z]+\//,
  },
  { id: 'discord-webhook', anchors: ['webh'], shape: /webhooks\/\d{15,21}\/[\w-]{40,}/, keep: /^webhooks\/\d+\// },
  {
    id: 'discord-token',
    anchors: ['[MNO][DTjz][AEIMQUYcgk][wxyz0-5]'],
    shape: /[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,}/,
    edge: true,
  },
  { id: 'telegram-token', anchors: [':AA[A-Za-z0-9]'], back: 8, shape: /\d{8}:AA[\w-]{32,}/ },
  { id: 'stripe-key', anchors: ['[sr]k_[lt]'], shape: /[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/, edge: true },
  { id: 'stripe-webhook', anchors: ['whse'], shape: /whsec_[A-Za-z0-9+/]{24,}={0,2}/ },
  { id: 'twilio-key', anchors: ['SK[0-9a-f][0-9a-f]'], shape: /SK[0-9a-f]{32}(?![A-Za-z0-9])/, edge: true },
  { id: 'sendgrid-key', anchors: ['SG.'], shape: /SG\.[\w-]{16,64}\.[\w-]{27,}/, edge: true },
  { id: 'mailgun-key', anchors: ['key-'], shape: /key-[0-9a-f]{32}(?![A-Za-z0-9])/, edge: true },
  { id: 'mailchimp-key', anchors: ['-us[1-9]'], back: 32, shape: /[0-9a-f]{32}-us\d{1,2}(?!\w)/, edge: true },
  { id: 'brevo-key', anchors: ['xkey'], shape: /xkeysib-[\w-]{40,}/ },
  { id: 'npm-token', anchors: ['npm_'], shape: /npm_[A-Za-z0-9]{36,}/ },
  { id: 'pypi-token', anchors: ['pypi'], shape: /pypi-Ag[\w-]{50,}/ },
  { id: 'rubygems-key', anchors: ['ems_'], back: 5, shape: /rubygems_[0-9a-f]{48}/ },
  { id: 'nuget-key', anchors: ['oy2[a-z0-9]'], shape: /oy2[a-z0-9]{43}(?![A-Za-z0-9])/, edge: true },
  { id: 'docker-token', anchors: ['dckr'], shape: /dckr_(?:pat|oat)_[\w-]{20,}/ },
  { id: 'anthropic-key', anchors: ['-ant'], back: 2, shape: /sk-ant-[\w-]{20,}/ },
  {
    id: 'openai-key',
    anchors: ['sk-[a-zA-Z0-9]'],
    shape: /sk-(?!ant-)(?:proj-|svcacct-|admin-|or-v1-|None-)?[\w-]{20,}/,
    edge: true,
    check: (s) => varied(s) && /\d/.test(s) && /[A-Z]|[0-9a-f]{32}/.test(s),
  },
  { id: 'groq-key', anchors: ['gsk_'], shape: /gsk_[A-Za-z0-9]{40,}/, edge: true },
  { id: 'xai-key', anchors: ['xai-'], shape: /xai-[A-Za-z0-9]{60,}/, edge: true },
  { id: 'perplexity-key', anchors: ['pplx'], shape: /pplx-[A-Za-z0-9]{40,}/ },
  {
    id: 'huggingface-token',
    anchors: ['hf_[A-Za-z0-9]', '_org'],
    shape: /(?:hf|api_org)_[A-Za-z0-9]{30,}/,
    edge: true,
    check: varied,
  },
  { id: 'replicate-token', anchors: ['r8_[A-Za-z0-9]'], shape: /r8_[A-Za-z0-9]{37,}/, edge: true },
  { id: 'databricks-token', anchors: ['dapi'], shape: /dapi[0-9a-f]{32}(?:-\d)?(?![A-Za-z0-9])/, edge: true },
  { id: 'digitalocean-token', anchors: ['do[opr]_'], shape: /do[opr]_v1_[0-9a-f]{64}/ },
  { id: 'cloudflare-key', anchors: ['v1.0'], shape: /v1\.0-[0-9a-f]{24}-[0-9a-f]{146}/ },
  { id: 'heroku-key', anchors: ['HRKU'], shape: /HRKU-[\w-]{30,}/ },
  { id: 'fly-token', anchors: ['fo1_', 'fm[12]_'], shape: /f(?:o1|m1|m2)_[\w+/=-]{40,}/, edge: true },
  { id: 'vercel-token', anchors: ['vc[pkiar]_'], shape: /vc[pkiar]_[A-Za-z0-9]{24,}/, edge: true },
  { id: 'netlify-token', anchors: ['nfp_'], shape: /nfp_[A-Za-z0-9]{36,}/, edge: true },
  { id: 'supabase-key', anchors: ['sbp_', 'sb_s'], shape: /(?:sbp_[0-9a-f]{40}|sb_secret_[\w-]{20,})/, edge: true },
  { id: 'planetscale-token', anchors: ['ale_'], back: 4, shape: /pscale_(?:tkn|pw|oauth)_[\w.=-]{32,}/ },
  { id: 'vault-token', anchors: ['hv[sbr].'], shape: /hv[sbr]\.[\w-]{24,}/, edge: true },
  { id: 'terraform-token', anchors: ['.atl'], back: 14, shape: /[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}/, edge: true },
  {
    id: 'doppler-token',
    anchors: ['dp.[cps]', 'dp.a'],
    shape: /dp\.(?:ct|pt|st|sa|scim|audit)\.(?:[\w-]{2,35}\.)?[A-Za-z0-9]{40,44}/,
    edge: true,
  },
  { id: 'pulumi-token', anchors: ['pul-'], shape: /pul-[0-9a-f]{40}/, edge: true },
  { id: 'grafana-token', anchors: ['glc_', 'glsa'], shape: /gl(?:c|sa)_[A-Za-z0-9_+/=]{32,}/, edge: true },
  { id: 'newrelic-key', anchors: ['NRAK', 'NRII', 'NRAL', 'NRBR'], shape: /NR(?:AK|II|AL|BR)-[\w-]{19,}/ },
  { id: 'newrelic-key', anchors: ['NRAL'], back: 36, shape: /[0-9a-f]{36}NRAL/ },
  { id: 'sentry-token', anchors: ['ntry'], back: 2, shape: /sntry[su]_[\w+/=-]{40,}/ },
  { id: 'dynatrace-token', anchors: ['dt0[a-z]'], shape: /dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}/ },
  { id: 'postman-key', anchors: ['PMAK'], shape: /PMAK-[0-9a-f]{24}-[0-9a-f]{34}/ },
  { id: 'tailscale-key', anchors: ['tske'], shape: /tskey-[a-z]+-[\w-]{16,}/ },
  { id: 'linear-key', anchors: ['lin_'], shape: /lin_(?:api|oauth)_[A-Za-z0-9]{32,}/, edge: true },
  { id: 'notion-token', anchors: ['ntn_'], shape: /ntn_[A-Za-z0-9]{40,}/, edge: true },
  { id: 'notion-token', anchors: ['ret_'], back: 3, shape: /secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])/, edge: true },
  {
    id: 'atlassian-token',
    anchors: ['ATAT', 'ATCT', 'ATBB'],
    shape: /(?:AT[AC]TT3xFfG[\w=-]{60,}|ATBB[A-Za-z0-9]{28,})/,
    edge: true,
  },
  { id: 'shopify-token', anchors: ['shp[acps]', 'shps'], shape: /shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}/ },
  {
    id: 'square-token',
    anchors: ['sq0[aci]', 'EAAA'],
    shape: /(?:sq0(?:atp|csp|idp)-[\w-]{22,}|EAAA[\w-]{60})/,
    edge: true,
  },
  { id: 'figma-token', anchors: ['figd'], shape: /figd_[\w-]{36,}/ },
  { id: 'alibaba-key', anchors: ['LTAI'], shape: /LTAI[A-Za-z0-9]{16,26}(?![A-Za-z0-9])/, edge: true },
  { id: 'firebase-key', anchors: ['APA9'], back: 12, shape: /[\w-]{11}:APA91b[\w-]{100,}/ },
  { id: 'artifactory-key', anchors: ['AKCp'], shape: /AKCp[A-Za-z0-9]{60,}/, edge: true },
  {
    id: 'launchdarkly-key',
    anchors: ['sdk-', 'api-'],
    shape: /(?:sdk|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/,
    edge: true,
  },
  { id: 'age-key', anchors: ['AGE-'], shape: /AGE-SECRET-KEY-1[A-Z0-9]{58}/ },
  { id: 'docker-auth', anchors: ['eyJh'], shape: /eyJhdXRocyI6[A-Za-z0-9+/]{16,}={0,2}/ },
  {
    id: 'jwt',
    anchors: ['eyJ[A-Za-z0-9]'],
    shape: /eyJ[\w-]{8,}\.(?:[\w-]*\.[\w-]{12,}\.[\w-]{8,}\.[\w-]{16,}|[\w-]{8,}\.[\w-]*)/,
    run: /[\w-]+/,
  },
  { id: 'private-key', anchors: ['LS0t'], shape: /LS0tLS1CRUdJTi[A-Za-z0-9+/]{24,}={0,2}/, check: holdsKey },
  {
    id: 'password-hash',
    anchors: ['$[1567y]$[./A-Za-z0-9]', '$2[abxy]$', '$gy$', '$apr', '$arg', '$scr', '$pbk', '$bcr', '$sha'],
    shape:
      /\$(?:[15]\$(?:rounds=\d{1,9}\$)?[./\w-]{1,16}\$[./A-Za-z0-9]{22,43}|6\$(?:rounds=\d{1,9}\$)?[./\w-]{1,16}\$[./A-Za-z0-9]{86}|apr1\$[./\w]{1,8}\$[./A-Za-z0-9]{22}|2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|(?:y|gy|7)\$[./A-Za-z0-9$]{40,}|argon2(?:id|i|d)\$[\w=,$+/.-]{40,}|(?:scrypt|pbkdf2|bcrypt|sha1|sha256|sha512)[\w-]{0,16}\$[\w=,$+/.-]{40,})/,
  },
  {
    id: 'password-hash',
    anchors: ['i:{ssh', 'i:{sha', 'i:{smd', 'i:{cry', 'i:{md5'],
    shape: /\{(?:s?sha\d{0,3}|s?md5|crypt)\}[A-Za-z0-9+/$.]{13,}={0,2}/i,
    keep: /^\{[^}]+\}/,
  },
  {
    id: 'password-hash',
    anchors: ['SCRA'],
    shape: /SCRAM-SHA-(?:1|256|512)\$\d{1,9}:[A-Za-z0-9+/=]{8,64}\$[A-Za-z0-9+/=]{20,100}:[A-Za-z0-9+/=]{20,100}/,
  },
  { id: 'otpauth', anchors: ['i:otpa'], shape: /otpauth(?:-migration)?:\/\/[^\s"'<>\\]{8,}/i },
]
