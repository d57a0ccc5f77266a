// Mounts the dashboard.

import { render } from 'preact'
import { App } from './app'
import { start } from './lib/store'
import { follow } from './lib/theme'
import './style/tokens.css'
import './style/base.css'
import './style/shell.css'
import './style/table.css'
import './style/drawing.css'
import './style/views.css'
import './style/services.css'

follow()
start()
const root = document.getElementById('app')
if (root) render(<App />, root)
