// Original file: proto/agent/v1/link.proto


export interface CertificateRequest {
  'csrPem'?: (string);
}

export interface CertificateRequest__Output {
  'csrPem': (string);
}
