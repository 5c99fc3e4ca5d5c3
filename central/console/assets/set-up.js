// Moves the token from the address, where it would stay in the history, into the form.
const token = location.hash.slice(1)
if (token) {
  document.getElementById('token').value = token
  document.querySelector('[data-set-up-code]').hidden = true
  history.replaceState(null, '', location.pathname)
}
