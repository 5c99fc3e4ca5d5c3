// A passkey as the second factor of a form: asks the server for a challenge, the browser for its answer, sends the form.
document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-passkey]')
  if (!button) return
  const { form } = button
  const problem = form.querySelector('[data-passkey-error]')
  problem.hidden = true
  button.disabled = true
  try {
    const asked = await fetch(button.dataset.passkey, {
      method: 'POST',
      body: new URLSearchParams({ csrf: form.elements.csrf.value }),
    })
    if (!asked.ok) throw new Error('No challenge could be had. Load the page again.')
    const answer = await globalThis.SimpleWebAuthnBrowser.startAuthentication({ optionsJSON: await asked.json() })
    form.elements.passkey.value = JSON.stringify(answer)
    form.submit()
  } catch (error) {
    problem.textContent =
      error.name === 'NotAllowedError' ? 'The passkey was not used. Try again, or use a code.' : error.message
    problem.hidden = false
    button.disabled = false
  }
})
