// Starts the register page.
import '../shared/base.css';
import { mount } from 'svelte';
import { applyLocale } from '../shared/locale';
import { listenForFirstTouch } from '../shared/sound';
import { begin } from './agent';
import App from './App.svelte';

applyLocale();
listenForFirstTouch();
begin();
const target = document.getElementById('app');
if (target) mount(App, { target });
