// The installer as a host gets it: the release's script, knowing whose Central it is.

/** Values stand in single quotes in the script; what could end them is refused rather than escaped. */
const SAFE = /^[A-Za-z0-9 \n:/.,+=[\]-]+$/

/** @throws TypeError when a value would not be safe in a shell script, or a placeholder is left */
export function fillInstaller(
  script: string,
  values: { publicUrl: string; caFingerprint: string; releaseKeyPem: string },
): string {
  const fills: Record<string, string> = {
    '@PUBLIC_URL@': values.publicUrl,
    '@CA_FINGERPRINT@': values.caFingerprint,
    '@RELEASE_KEY_PEM@': values.releaseKeyPem.trim(),
  }
  return script.replace(/@[A-Z]+(?:_[A-Z]+)+@/g, (name) => {
    const value = fills[name]
    if (value === undefined || !SAFE.test(value)) throw new TypeError(`the installer cannot be filled in: ${name}`)
    return value
  })
}
