// Original file: proto/agent/v1/inspect.proto

import type { Drift as _mttrly_agent_v1_Drift, Drift__Output as _mttrly_agent_v1_Drift__Output } from '../../../mttrly/agent/v1/Drift.ts';
import type { Long } from '@grpc/proto-loader';

export interface InstallationHealth {
  'version'?: (string);
  'checkedAt'?: (number | string | Long);
  'drifts'?: (_mttrly_agent_v1_Drift)[];
  'certificateExpiresAt'?: (number | string | Long);
  'pinnedVersion'?: (string);
  'minimumVersion'?: (string);
}

export interface InstallationHealth__Output {
  'version': (string);
  'checkedAt': (number);
  'drifts': (_mttrly_agent_v1_Drift__Output)[];
  'certificateExpiresAt': (number);
  'pinnedVersion': (string);
  'minimumVersion': (string);
}
