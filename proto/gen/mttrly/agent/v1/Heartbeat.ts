// Original file: proto/agent/v1/link.proto

import type { Disk as _mttrly_agent_v1_Disk, Disk__Output as _mttrly_agent_v1_Disk__Output } from '../../../mttrly/agent/v1/Disk.ts';
import type { Long } from '@grpc/proto-loader';

export interface Heartbeat {
  'at'?: (number | string | Long);
  'cpuPercent'?: (number | string);
  'memoryTotal'?: (number | string | Long);
  'memoryAvailable'?: (number | string | Long);
  'swapTotal'?: (number | string | Long);
  'swapFree'?: (number | string | Long);
  'load1'?: (number | string);
  'load5'?: (number | string);
  'load15'?: (number | string);
  'cpus'?: (number);
  'uptimeS'?: (number | string | Long);
  'disks'?: (_mttrly_agent_v1_Disk)[];
}

export interface Heartbeat__Output {
  'at': (number);
  'cpuPercent': (number);
  'memoryTotal': (number);
  'memoryAvailable': (number);
  'swapTotal': (number);
  'swapFree': (number);
  'load1': (number);
  'load5': (number);
  'load15': (number);
  'cpus': (number);
  'uptimeS': (number);
  'disks': (_mttrly_agent_v1_Disk__Output)[];
}
