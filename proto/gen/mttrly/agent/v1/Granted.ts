// Original file: proto/agent/v1/commands.proto

import type { Long } from '@grpc/proto-loader';

export interface Granted {
  'grant'?: (Buffer | Uint8Array | string);
  'signature'?: (Buffer | Uint8Array | string);
  'keyId'?: (string);
  'outputFrom'?: (number | string | Long);
}

export interface Granted__Output {
  'grant': (Buffer);
  'signature': (Buffer);
  'keyId': (string);
  'outputFrom': (number);
}
