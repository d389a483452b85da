// Starts the demo bench.
import '../shared/base.css';
import { mount } from 'svelte';
import { applyLocale } from '../shared/locale';
import App from './App.svelte';

applyLocale();
const target = document.getElementById('app');
if (target) mount(App, { target });
