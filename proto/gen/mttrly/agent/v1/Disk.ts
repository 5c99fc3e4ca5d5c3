// Original file: proto/agent/v1/link.proto

import type { Long } from '@grpc/proto-loader';

export interface Disk {
  'mount'?: (string);
  'total'?: (number | string | Long);
  'available'?: (number | string | Long);
  'inodes'?: (number | string | Long);
  'inodesFree'?: (number | string | Long);
}

export interface Disk__Output {
  'mount': (string);
  'total': (number);
  'available': (number);
  'inodes': (number);
  'inodesFree': (number);
}
