// Writes proto/gen/descriptor.json, from which both tiers make their codecs, so that no .proto file is needed at run time.
// `npm run gen` calls it after the type generator; proto/gen is never edited by hand.
import { globSync, writeFileSync } from 'node:fs'
import protobuf from 'protobufjs'

const root = new protobuf.Root()
root.resolvePath = (_origin, target) => (target.startsWith('proto/') ? target : `proto/${target}`)
root.loadSync(globSync('proto/agent/v1/*.proto').sort())
writeFileSync('proto/gen/descriptor.json', `${JSON.stringify(root.toJSON(), null, 1)}\n`)
