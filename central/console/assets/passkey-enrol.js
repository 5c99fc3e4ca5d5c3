// Adds a passkey: asks the server for what it wants, the browser to make the key, sends the form.
document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-enrol-passkey]')
  if (!button) return
  const { form } = button
  const problem = form.querySelector('[data-passkey-error]')
  problem.hidden = true
  button.disabled = true
  try {
    const asked = await fetch(button.dataset.enrolPasskey, {
      method: 'POST',
      body: new URLSearchParams({ csrf: form.elements.csrf.value }),
    })
    // After too long a time the answer is the sign-in page.
    if (asked.redirected) return location.assign('/sign-in?again=1&next=%2Faccount')
    if (!asked.ok) throw new Error('No more passkeys can be added. Remove one first.')
    const answer = await globalThis.SimpleWebAuthnBrowser.startRegistration({ optionsJSON: await asked.json() })
    form.elements.passkey.value = JSON.stringify(answer)
    form.submit()
  } catch (error) {
    problem.textContent = error.name === 'NotAllowedError' ? 'No passkey was made. Try again.' : error.message
    problem.hidden = false
    button.disabled = false
  }
})
