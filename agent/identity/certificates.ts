// What the link asks about certificates, in one object: it is handed in, so that the link needs no more of this room than types.
import { fingerprintsOf, wrongAuthorities } from './authorities.ts'
import { renewalIsDue, validity, wrongCertificate } from './identity.ts'
import { createSigningRequest } from './signing-request.ts'

export const certificates = {
  createSigningRequest,
  fingerprintsOf,
  renewalIsDue,
  validity,
  wrongAuthorities,
  wrongCertificate,
}
export type Certificates = typeof certificates
