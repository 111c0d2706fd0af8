import { useState, type ReactNode } from 'react';
import { createHashRouter, Navigate, type RouteObject } from 'react-router';
import { RouterProvider } from 'react-router/dom';
import { AuditPage } from './audit/audit-page';
import { DefinePage, RedefinePage } from './definition/define-page';
import { Frame } from './layout/frame';
import { Lost } from './layout/lost';
import { Only } from './layout/only';
import { CustomerPage } from './customer/customer-page';
import { CustomersPage } from './customer/customers-page';
import { IntakePage } from './intake/intake-page';
import { BeginPage } from './import/begin-page';
import { ImportPage } from './import/import-page';
import { ImportsPage } from './import/imports-page';
import { KeysPage } from './key/keys-page';
import { LabelsPage } from './label/labels-page';
import { ModelPage } from './model/model-page';
import { Toasts } from './parts/toast';
import { DrawPage } from './region/draw-page';
import { PersonsPage } from './person/persons-page';
import { PlanPage } from './plan/plan-page';
import { QuarantinePage } from './quarantine/quarantine-page';
import { RetentionPage } from './retention/retention-page';
import { RunPage } from './run/run-page';
import { RunsPage } from './run/runs-page';
import { SegmentPage } from './segment/segment-page';
import { SegmentsPage } from './segment/segments-page';
import { SessionGate } from './session/session';
import { WebhookPage } from './webhook/webhook-page';
import { WebhooksPage } from './webhook/webhooks-page';
import { SettingsPage } from './workspace/settings-page';

const PLACES: RouteObject[] = [
  {
    element: <Frame />,
    children: [
      { index: true, element: <Navigate to="/segments" replace /> },
      { path: 'segments', element: <SegmentsPage /> },
      { path: 'segments/:id', element: <SegmentPage /> },
      { path: 'runs', element: <RunsPage /> },
      { path: 'runs/:id', element: <RunPage /> },
      { path: 'models/:id', element: <ModelPage /> },
      { path: 'customers', element: <CustomersPage /> },
      { path: 'customers/:id', element: <CustomerPage /> },
      { path: 'labels', element: <LabelsPage /> },
      { path: 'intake', element: <IntakePage /> },
      { path: 'imports', element: <ImportsPage /> },
      { path: 'imports/:id', element: <ImportPage /> },
      { path: 'quarantine', element: <QuarantinePage /> },
      { path: 'tracking-plan', element: <PlanPage /> },
      {
        element: <Only least="EDITOR" />,
        children: [
          { path: 'segments/define', element: <DefinePage /> },
          { path: 'segments/draw', element: <DrawPage /> },
          { path: 'segments/:id/definition', element: <RedefinePage /> },
        ],
      },
      {
        element: <Only least="ADMIN" />,
        children: [
          { path: 'imports/new', element: <BeginPage /> },
          { path: 'persons', element: <PersonsPage /> },
          { path: 'retention', element: <RetentionPage /> },
          { path: 'webhooks', element: <WebhooksPage /> },
          { path: 'webhooks/:id', element: <WebhookPage /> },
          { path: 'keys', element: <KeysPage /> },
          { path: 'audit', element: <AuditPage /> },
          { path: 'settings', element: <SettingsPage /> },
        ],
      },
      { path: '*', element: <Lost /> },
    ],
  },
];

export function App({ initialKey }: { initialKey: string | undefined }): ReactNode {
  // The place within the page is in the fragment, so that whoever serves the files needs no rule for it. Not made before
  // this, for until then the fragment may hold the key.
  const [router] = useState(() => createHashRouter(PLACES));
  return (
    <Toasts>
      <SessionGate initialKey={initialKey}>
        <RouterProvider router={router} />
      </SessionGate>
    </Toasts>
  );
}
