#!/usr/bin/env node
import process from 'node:process';
import { flowmap } from 'flowmap/node';

process.exitCode = await flowmap(process.argv.slice(2));
