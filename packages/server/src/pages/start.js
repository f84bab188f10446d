// The page of the first minutes: owner, sign-in, first device. It speaks the same REST API as everybody else.
const at = (id) => document.getElementById(id)
const show = (id) => {
  for (const each of ['setup', 'login', 'device']) at(each).hidden = each !== id
}
const say = (text) => (at('state').textContent = text)
const token = new URLSearchParams(location.hash.slice(1)).get('token')
if (location.hash) history.replaceState(null, '', location.pathname) // the token must not stay in the history

const call = async (method, path, body) => {
  at('problem').textContent = ''
  const response = await fetch(`/api/v1${path}`, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  })
  const answer = response.status === 204 ? undefined : await response.json()
  if (!response.ok) throw Object.assign(new Error(answer?.detail ?? response.statusText), { status: response.status })
  return answer
}

const submit = async (form, work) => {
  const button = form.querySelector('button')
  button.disabled = true
  try {
    await work(Object.fromEntries(new FormData(form)))
  } catch (error) {
    at('problem').textContent = error.message
  } finally {
    button.disabled = false
  }
}
const onSubmit = (id, work) =>
  at(id).addEventListener('submit', (event) => {
    event.preventDefault()
    void submit(event.target, work)
  })

const enter = async () => {
  try {
    const me = await call('GET', '/session')
    say(`Signed in as ${me.user ?? me.apiKey}.`)
    show('device')
  } catch {
    const { needed } = await call('GET', '/setup')
    if (needed && token) {
      say('There is no owner yet.')
      show('setup')
    } else if (needed) {
      say(
        'There is no owner yet. Open the setup link that the server printed when it started; each start prints a new one.',
      )
    } else {
      say('The platform is running.')
      show('login')
    }
    at('problem').textContent = ''
  }
}

onSubmit('setup', async ({ user, password }) => {
  await call('POST', '/setup', { token, user, password })
  await call('POST', '/session', { user, password })
  await enter()
})
onSubmit('login', async ({ user, password }) => {
  await call('POST', '/session', { user, password })
  await enter()
})
onSubmit('new-device', async ({ id }) => {
  const { credentials } = await call('POST', '/devices', { id })
  const tls = location.protocol === 'https:'
  const port = location.port || (tls ? '443' : '80')
  const value = `'{"temperature":21.5}'`
  at('mqtt').textContent =
    `mosquitto_pub -h ${location.hostname} -p ${port}${tls ? ' --cafile data/tls/ca.crt' : ''} -u ${credentials.username} -P ${credentials.password} \\\n` +
    `  -q 1 -t devices/${id}/telemetry -m ${value}`
  at('http').textContent =
    `curl${tls ? ' --cacert data/tls/ca.crt' : ''} -u ${credentials.username}:${credentials.password} -d ${value} \\\n` +
    `  ${location.origin}/v1/devices/${id}/telemetry`
  at('made').hidden = false
  void waitForFirst(id)
})
const leave = async () => {
  await call('DELETE', '/session').catch(() => undefined) // an ended session is what was wanted
  await enter()
}
at('leave').addEventListener('click', () => void leave())

// One look a second until the first value is there.
const waitForFirst = async (id) => {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const latest = await call('GET', `/devices/${encodeURIComponent(id)}/latest`).catch(() => ({}))
    const [first] = Object.entries(latest)
    if (first) {
      at('waiting').textContent = `First message: ${first[0]} = ${JSON.stringify(first[1].value)}, at ${first[1].at}`
      return
    }
  }
}

await enter()
