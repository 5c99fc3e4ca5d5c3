// Moves the token from the address, where it would stay in the history, into the form.
const token = location.hash.slice(1)
if (token) {
  const field = document.getElementById('token')
  field.value = token
  document.querySelector('[data-set-up-code]').hidden = true
  history.replaceState(null, '', location.pathname)
  if (field.form.dataset.send !== undefined) field.form.requestSubmit()
}
